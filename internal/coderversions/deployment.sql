-- A deployment that is alive now, for every version: each family that a database can
-- serve has a series, and users, agents and jobs are in every state that counts
-- differently. Its values stay the same for three minutes, if agents count as inactive
-- after that time only.

-- u(n) is the UUID that the rows write as n.
CREATE FUNCTION u(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;

INSERT INTO organizations (id, name, display_name) VALUES (u(1), 'coder', 'Coder');

INSERT INTO users (id, username, email, status, deleted, is_system, is_service_account) VALUES
	(u(1), 'alice', 'alice@example.com', 'active', false, false, false),
	(u(2), 'bob', 'bob@example.com', 'active', false, false, false),
	(u(3), 'carol', 'carol@example.com', 'suspended', false, false, false),
	(u(4), 'dave', 'dave@example.com', 'dormant', false, false, false),
	(u(5), 'erin', 'erin@example.com', 'active', true, false, false),
	('c42fdf75-3097-471c-8c33-fb52454d81c0', 'prebuilds', 'prebuilds@system', 'active', false, true, false),
	(u(7), 'robot', 'robot@example.com', 'active', false, false, true);
INSERT INTO api_keys (id, user_id, last_used) VALUES
	('alice', u(1), now()),
	('bob', u(2), now() - interval '50 minutes'),
	('carol', u(3), now() - interval '2 hours');

INSERT INTO templates (id, organization_id, name, active_version_id, deleted) VALUES
	(u(11), u(1), 'docker', u(22), false),
	(u(12), u(1), 'old', u(23), true);
INSERT INTO template_versions (id, organization_id, template_id, name) VALUES
	(u(21), u(1), u(11), 'v1'),
	(u(22), u(1), u(11), 'v2'),
	(u(23), u(1), u(12), 'v3');
INSERT INTO template_version_parameters (template_version_id, name, type) VALUES (u(22), 'region', 'string');

INSERT INTO workspaces (id, organization_id, owner_id, template_id, name, deleted) VALUES
	(u(31), u(1), u(1), u(11), 'dev', false),
	(u(32), u(1), u(2), u(11), 'web', false),
	(u(33), u(1), u(2), u(12), 'broken', false), -- without agents
	(u(34), u(1), u(1), u(11), 'gone', true);

-- Two that are alive for the next minutes, one that is not, and one that was never seen.
INSERT INTO provisioner_daemons (id, name, last_seen_at) VALUES
	(u(91), 'first', now() + interval '3 minutes'),
	(u(92), 'second', now() + interval '3 minutes'),
	(u(93), 'stopped', now() - interval '2 minutes'),
	(u(94), 'new', NULL);

INSERT INTO provisioner_jobs (id, organization_id, initiator_id, type, provisioner, worker_id, created_at, started_at, canceled_at, completed_at, error) VALUES
	(u(100), u(1), u(1), 'workspace_build', 'terraform', u(91), now() - interval '3 hours', now() - interval '3 hours', NULL, now() - interval '3 hours', NULL),
	(u(101), u(1), u(1), 'workspace_build', 'terraform', u(91), now() - interval '2 hours', now() - interval '2 hours', NULL, now() - interval '2 hours', 'old: failed'),
	(u(102), u(1), u(1), 'workspace_build', 'terraform', u(91), now() - interval '1 hour', now() - interval '1 hour', NULL, now() - interval '59 minutes', NULL),
	(u(103), u(1), u(2), 'workspace_build', 'terraform', u(91), now(), now(), NULL, NULL, NULL),
	(u(104), u(1), u(2), 'workspace_build', 'terraform', u(91), now() - interval '1 hour', now() - interval '1 hour', NULL, now() - interval '59 minutes', 'boom'),
	(u(105), u(1), u(1), 'workspace_build', 'terraform', u(91), now() - interval '1 hour', now() - interval '1 hour', NULL, now() - interval '59 minutes', NULL),
	(u(106), u(1), u(1), 'template_version_import', 'echo', u(91), now(), now(), NULL, NULL, NULL);
INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id, initiator_id) VALUES
	(u(401), now() - interval '2 hours', u(31), u(21), 1, 'start', u(101), u(1)),
	(u(402), now() - interval '1 second', u(31), u(22), 2, 'start', u(102), u(1)),
	(u(403), now() - interval '6 minutes', u(32), u(21), 1, 'start', u(103), u(2)),
	(u(404), now() - interval '1 hour', u(33), u(23), 1, 'start', u(104), u(2)),
	(u(405), now() - interval '1 hour', u(34), u(21), 2, 'delete', u(105), u(1)),
	(u(406), now() - interval '3 hours', u(34), u(21), 1, 'start', u(100), u(1));
INSERT INTO workspace_build_parameters (workspace_build_id, name, value) VALUES (u(402), 'region', 'eu');

INSERT INTO workspace_resources (id, job_id) VALUES
	(u(201), u(101)), (u(202), u(102)), (u(203), u(103)), (u(205), u(105));
INSERT INTO workspace_agents (id, resource_id, name, created_at, first_connected_at, last_connected_at, disconnected_at,
	connection_timeout_seconds, lifecycle_state, started_at, ready_at, deleted) VALUES
	(u(501), u(201), 'main', now() - interval '2 hours', now() - interval '2 hours', now() - interval '2 hours', NULL, 120,
		'ready', now() - interval '2 hours', now() - interval '2 hours', false), -- of the old build
	(u(502), u(202), 'main', now() - interval '1 hour', now() - interval '1 hour', now(), NULL, 120,
		'ready', now() - interval '1 hour', now() - interval '1 hour' + interval '12.5 seconds', false),
	(u(503), u(202), 'aux', now() - interval '1 hour', now() - interval '1 hour', now() - interval '30 minutes', now() - interval '30 minutes', 120,
		'start_error', now() - interval '1 hour', now() - interval '1 hour' + interval '3 seconds', false),
	(u(504), u(202), 'replaced', now() - interval '1 hour', now() - interval '1 hour', now() - interval '30 minutes', now() - interval '30 minutes', 120,
		'off', NULL, NULL, true),
	(u(505), u(203), 'main', now() - interval '1 hour', NULL, NULL, NULL, 0, 'created', NULL, NULL, false),
	(u(506), u(203), 'late', now() - interval '1 hour', NULL, NULL, NULL, 120, 'created', NULL, NULL, false);
INSERT INTO workspace_apps (agent_id, display_name, slug, health) VALUES
	(u(501), 'code', 'code', 'unhealthy'), -- of the old build
	(u(502), 'code-server', 'code', 'healthy'),
	(u(502), 'docs', 'docs', 'disabled'),
	(u(505), 'code-server', 'code', 'initializing');
INSERT INTO workspace_agent_scripts (id, workspace_agent_id) VALUES (u(601), u(502));
-- Node 0x1234, home region 1, latencies 1-v4 0.5, 2-v4 0.125.
INSERT INTO tailnet_peers (id, coordinator_id, updated_at, node) VALUES
	(u(502), u(1), now(), '\x08b4242801320f0a04312d763411000000000000e03f320f0a04322d763411000000000000c03f');

INSERT INTO workspace_agent_stats (created_at, user_id, agent_id, workspace_id, template_id, rx_bytes, tx_bytes, connection_count,
	connection_median_latency_ms, session_count_vscode, session_count_jetbrains, session_count_reconnecting_pty, session_count_ssh) VALUES
	(now() - interval '65 seconds', u(1), u(502), u(31), u(11), 100, 1000, 9, 50, 1, 0, 0, 9),
	(now() - interval '1 second', u(1), u(502), u(31), u(11), 23, 234, 2, 12.5, 3, 1, 0, 0);
-- In use for longer than the window.
INSERT INTO workspace_app_stats (user_id, workspace_id, agent_id, access_method, slug_or_port, session_started_at, session_ended_at) VALUES
	(u(1), u(31), u(502), 'path', 'code', now() - interval '1 hour', now() + interval '1 hour');

-- {"alg":"EdDSA"} and {"nbf":0,"exp":99999999999,"license_expires":99999999999,"features":{"user_limit":10,"workspace_prebuilds":1}}
INSERT INTO licenses (jwt, exp) VALUES ('eyJhbGciOiJFZERTQSJ9.eyJuYmYiOjAsImV4cCI6OTk5OTk5OTk5OTksImxpY2Vuc2VfZXhwaXJlcyI6OTk5OTk5OTk5OTksImZlYXR1cmVzIjp7InVzZXJfbGltaXQiOjEwLCJ3b3Jrc3BhY2VfcHJlYnVpbGRzIjoxfX0.c2ln', now() + interval '1 year');
