-- A deployment that is alive now: a workspace with an agent, in use, so that
-- every family that the database tells has a series.

INSERT INTO users (id, username, email, status) VALUES (u(1), 'alice', 'alice@example.com', 'active');
INSERT INTO api_keys (id, user_id, last_used) VALUES ('alice', u(1), now());
INSERT INTO templates (id, name) VALUES (u(11), 'docker');
INSERT INTO template_versions (id, template_id, name) VALUES (u(21), u(11), 'v1');
INSERT INTO workspaces (id, owner_id, template_id, name) VALUES (u(31), u(1), u(11), 'dev');

INSERT INTO provisioner_jobs (id, started_at, completed_at) VALUES
	(u(101), now() - interval '1 hour', now() - interval '59 minutes');
INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id) VALUES
	(u(401), now(), u(31), u(21), 1, 'start', u(101));
INSERT INTO template_version_parameters (template_version_id, name, type) VALUES (u(21), 'region', 'string');
INSERT INTO workspace_build_parameters (workspace_build_id, name, value) VALUES (u(401), 'region', 'eu');

INSERT INTO workspace_resources (id, job_id) VALUES (u(201), u(101));
INSERT INTO workspace_agents (id, resource_id, name, created_at, first_connected_at, last_connected_at, lifecycle_state, started_at, ready_at) VALUES
	(u(501), u(201), 'main', now() - interval '1 hour', now() - interval '1 hour', now() + interval '1 hour',
		'ready', now() - interval '1 hour', now() - interval '1 hour' + interval '12.5 seconds');
INSERT INTO workspace_apps (agent_id, display_name, slug, health) VALUES (u(501), 'code', 'code', 'healthy');
INSERT INTO workspace_agent_scripts (id, workspace_agent_id) VALUES (u(601), u(501));
-- Node 0x1234, home region 1, latencies 1-v4 0.5, 2-v4 0.125.
INSERT INTO tailnet_peers (id, coordinator_id, updated_at, node) VALUES
	(u(501), u(1), now(), '\x08b4242801320f0a04312d763411000000000000e03f320f0a04322d763411000000000000c03f');

-- Reports until now, and the use of an app from some minutes ago until long after
-- the test.
INSERT INTO workspace_agent_stats (created_at, user_id, agent_id, workspace_id, template_id, rx_bytes, tx_bytes,
	connection_count, connection_median_latency_ms, session_count_vscode, session_count_ssh)
SELECT at, u(1), u(501), u(31), u(11), 10, 20, 1, 12.5, 1, 2
FROM generate_series(now() - interval '6 minutes', now(), interval '0.5 seconds') AS at;
INSERT INTO workspace_app_stats (user_id, workspace_id, agent_id, slug_or_port, session_started_at, session_ended_at) VALUES
	(u(1), u(31), u(501), 'code', now() - interval '10 minutes', now() + interval '10 minutes');

-- {"alg":"EdDSA"} and {"nbf":0,"exp":99999999999,"license_expires":99999999999,"features":{"user_limit":10}}
INSERT INTO licenses (jwt) VALUES ('eyJhbGciOiJFZERTQSJ9.eyJuYmYiOjAsImV4cCI6OTk5OTk5OTk5OTksImxpY2Vuc2VfZXhwaXJlcyI6OTk5OTk5OTk5OTksImZlYXR1cmVzIjp7InVzZXJfbGltaXQiOjEwfX0.c2ln');
