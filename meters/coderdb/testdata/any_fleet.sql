-- Any number of workspaces, SET beforehand: "SET fleet.workspaces = 10000". Each has
-- ten builds, an agent, an app, a row of statistics in the window and nine of
-- earlier, and a peer.

CREATE FUNCTION workspaces() RETURNS int LANGUAGE sql RETURN current_setting('fleet.workspaces')::int;

SET timezone = 'UTC';
INSERT INTO users (id, username, email, status) SELECT u(n), 'user' || n, 'user' || n || '@example.com', 'active' FROM generate_series(1, workspaces()) AS n;
INSERT INTO api_keys (id, user_id, last_used) SELECT n, u(n), '2025-09-01 12:00:00' FROM generate_series(1, workspaces()) AS n;
INSERT INTO organizations (id, name) VALUES (u(1), 'acme');
INSERT INTO provisioner_daemons (id, last_seen_at) SELECT u(n), '2025-09-01 12:00:00' FROM generate_series(1, 10) AS n;
INSERT INTO templates (id, name) SELECT u(n), 'template' || n FROM generate_series(1, 20) AS n;
INSERT INTO template_versions (id, template_id, name) SELECT u(n), u(n), 'v1' FROM generate_series(1, 20) AS n;
INSERT INTO template_version_parameters (template_version_id, name, type) SELECT u(n), 'region', 'string' FROM generate_series(1, 20) AS n;
INSERT INTO workspaces (id, owner_id, template_id, name) SELECT u(n), u(n), u(1 + n % 20), 'workspace' || n FROM generate_series(1, workspaces()) AS n;
INSERT INTO provisioner_jobs (id, created_at, started_at, completed_at)
	SELECT u(n), '2025-08-01', '2025-08-01', '2025-08-01 00:01' FROM generate_series(1, workspaces() * 10) AS n;
INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id)
	SELECT u(n), CASE WHEN n > workspaces() * 9 THEN '2025-09-01 12:00:00'::timestamptz ELSE '2025-08-01' END,
		u(1 + n % workspaces()), u(1 + (1 + n % workspaces()) % 20), 1 + (n - 1) / workspaces(), 'start', u(n)
	FROM generate_series(1, workspaces() * 10) AS n;
INSERT INTO workspace_build_parameters (workspace_build_id, name, value) SELECT u(n), 'region', 'eu' FROM generate_series(1, workspaces() * 10) AS n;
INSERT INTO workspace_resources (id, job_id) SELECT u(n), u(n) FROM generate_series(1, workspaces() * 10) AS n;
INSERT INTO workspace_agents (id, resource_id, name, created_at, first_connected_at, last_connected_at, connection_timeout_seconds, lifecycle_state, started_at, ready_at)
	SELECT u(n), u(n), 'main', '2025-08-01', '2025-08-01', '2025-09-01 12:00:20', 120, 'ready', '2025-08-01', '2025-08-01 00:00:10'
	FROM generate_series(1, workspaces() * 10) AS n;
INSERT INTO workspace_apps (agent_id, display_name, slug, health) SELECT u(n), 'code-server', 'code', 'healthy' FROM generate_series(1, workspaces() * 10) AS n;
INSERT INTO workspace_agent_stats (created_at, user_id, agent_id, workspace_id, template_id, rx_bytes, tx_bytes, connection_count, connection_median_latency_ms, session_count_ssh)
	SELECT '2025-09-01 12:00:00'::timestamptz - m * interval '1 hour', u(1 + n % workspaces()), u(n), u(1 + n % workspaces()), u(1 + (1 + n % workspaces()) % 20), 100, 100, 1, 12, 1
	FROM generate_series(workspaces() * 9 + 1, workspaces() * 10) AS n, generate_series(0, 9) AS m;
INSERT INTO workspace_app_stats (user_id, workspace_id, agent_id, slug_or_port, session_started_at, session_ended_at)
	SELECT u(1 + n % workspaces()), u(1 + n % workspaces()), u(n), 'code', '2025-09-01 11:57:00', '2025-09-01 11:59:00' FROM generate_series(workspaces() * 9 + 1, workspaces() * 10) AS n;
INSERT INTO tailnet_peers (id, coordinator_id, updated_at, node)
	SELECT u(n), u(1), '2025-09-01 12:00:00', '\x08b42412036162631d010203042801320f0a04312d763411000000000000e03f320f0a04312d763611000000000000d03f320f0a04322d763411000000000000c03f32110a063939392d763411000000000000f03f'
	FROM generate_series(workspaces() * 9 + 1, workspaces() * 10) AS n;
