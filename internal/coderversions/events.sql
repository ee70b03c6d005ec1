-- Builds and jobs of deployment.sql, and an agent. They begin in a second, after the time
-- from which events count, and change no state: the workspace that is created is deleted,
-- and its template, too.

-- ahead is the time in a number of seconds.
CREATE FUNCTION ahead(seconds float8) RETURNS timestamptz LANGUAGE sql STABLE AS
	$$ SELECT now() + make_interval(secs => seconds) $$;

INSERT INTO workspaces (id, organization_id, owner_id, template_id, name, deleted) VALUES
	(u(35), u(1), u(2), u(12), 'made', true);
INSERT INTO provisioner_jobs (id, organization_id, initiator_id, type, provisioner, worker_id, created_at, started_at, canceled_at, completed_at, error) VALUES
	(u(107), u(1), u(1), 'workspace_build', 'terraform', u(91), ahead(1), ahead(1), NULL, ahead(21), NULL),
	(u(108), u(1), u(1), 'template_version_import', 'echo', u(91), ahead(1), ahead(3), NULL, ahead(5.5), 'boom'),
	(u(109), u(1), u(1), 'workspace_build', 'terraform', NULL, ahead(1), ahead(1), NULL, ahead(1), 'no daemon has run it'),
	(u(110), u(1), u(2), 'workspace_build', 'terraform', u(91), ahead(1), ahead(4), NULL, ahead(34), NULL),
	(u(111), u(1), u(2), 'workspace_build', 'terraform', u(91), ahead(1), ahead(1.25), ahead(2), ahead(5.25), NULL); -- canceled too late
INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id, initiator_id, reason) VALUES
	(u(407), ahead(1), u(31), u(22), 0, 'stop', u(107), u(1), 'initiator'),
	(u(409), ahead(1), u(31), u(22), -1, 'stop', u(109), u(1), 'initiator'),
	(u(410), ahead(1), u(35), u(23), 1, 'start', u(110), u(2), 'autostart'),
	(u(411), ahead(1), u(35), u(23), 2, 'delete', u(111), u(2), 'initiator');
INSERT INTO workspace_resources (id, job_id) VALUES (u(210), u(110));
INSERT INTO workspace_agents (id, resource_id, name, created_at, first_connected_at, lifecycle_state, started_at, ready_at) VALUES
	(u(510), u(210), 'main', ahead(34), ahead(39), 'ready', ahead(40), ahead(46)),
	(u(511), u(210), 'aux', ahead(34), NULL, 'start_timeout', ahead(40), ahead(61));
