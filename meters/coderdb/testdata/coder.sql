-- What only the edition Coder reads, after fleet.sql.

-- A service account is a user.
INSERT INTO users (id, username, email, status, is_service_account) VALUES
	(u(7), 'robot', 'robot@example.com', 'active', true);

-- A build whose version does not exist.
INSERT INTO workspaces (id, owner_id, template_id, name) VALUES (u(42), u(1), u(11), 'adrift');
INSERT INTO provisioner_jobs (id, started_at, completed_at) VALUES (u(113), '2025-08-01', '2025-08-01');
INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id) VALUES
	(u(412), '2025-08-01', u(42), u(29), 1, 'start', u(113));
INSERT INTO workspace_resources (id, job_id) VALUES (u(214), u(113));
INSERT INTO workspace_agents (id, resource_id, name, created_at) VALUES (u(515), u(214), 'main', '2025-08-01');

-- Seen a second ago, 90 seconds ago, a microsecond longer ago, and never.
INSERT INTO provisioner_daemons (id, last_seen_at) VALUES
	(u(601), '2025-09-01 12:00:29'),
	(u(602), '2025-09-01 11:59:00'),
	(u(603), '2025-09-01 11:58:59.999999'),
	(u(604), NULL);
