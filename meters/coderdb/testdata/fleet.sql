-- Users, templates, workspaces in every state, and their agents. It is 12:00:30
-- on 2025-09-01, UTC.
SET timezone = 'UTC';

INSERT INTO users (id, username, email, status, deleted, is_system) VALUES
	(u(1), 'alice', 'alice@example.com', 'active', false, false),
	(u(2), E'bob "the\nbuilder" 🙂', 'bob@example.com', 'active', false, false),
	(u(3), 'carol', 'carol@example.com', 'suspended', false, false),
	(u(4), 'dave', 'dave@example.com', 'dormant', false, false),
	(u(5), 'erin', 'erin@example.com', 'active', true, false),
	(u(6), 'prebuilds', 'prebuilds@system', 'active', false, true);

INSERT INTO api_keys (id, user_id, last_used) VALUES
	('alice1', u(1), '2025-09-01 12:00:29'),
	('alice2', u(1), '2025-09-01 11:50:00'),
	('bob', u(2), '2025-09-01 11:02:00'),
	('carol', u(3), '2025-09-01 11:00:30'), -- an hour ago
	('dave', u(4), '2025-09-01 11:00:29');  -- longer

INSERT INTO organizations (id, name) VALUES
	(u(1), 'acme'),
	(u(2), 'labs');

INSERT INTO templates (id, organization_id, name, deleted) VALUES
	(u(11), u(1), 'docker', false),
	(u(12), u(2), 'docker', false), -- in another organization
	(u(13), u(1), 'old', true);

INSERT INTO template_versions (id, template_id, name) VALUES
	(u(21), u(11), 'v1'),
	(u(22), u(12), 'v2'),
	(u(23), u(13), 'v3');

INSERT INTO workspaces (id, owner_id, template_id, name, deleted) VALUES
	(u(31), u(1), u(11), 'dev', false),
	(u(32), u(2), u(12), E'quo"te\nnew\\line 🙂', false),
	(u(33), u(1), u(11), 'stopped', false), -- without agents
	(u(34), u(1), u(11), 'gone', true),
	(u(35), u(2), u(13), 'legacy', false),
	(u(36), u(1), u(11), 'pending', false),
	(u(37), u(1), u(11), 'canceling', false),
	(u(38), u(1), u(11), 'canceled-early', false),
	(u(39), u(1), u(11), 'unbuilt', false), -- without builds
	(u(40), u(1), u(11), 'twin', false),
	(u(41), u(1), u(12), 'twin', false);    -- of the same labels

INSERT INTO provisioner_jobs (id, type, provisioner, started_at, canceled_at, completed_at, error) VALUES
	(u(101), 'workspace_build', 'terraform', '2025-08-01', NULL, '2025-08-01', 'old: failed'),
	(u(102), 'workspace_build', 'terraform', '2025-08-02', NULL, '2025-08-02', NULL),
	(u(103), 'workspace_build', 'terraform', '2025-09-01', NULL, NULL, NULL),
	(u(104), 'workspace_build', 'terraform', '2025-08-01', '2025-08-01', '2025-08-01', ''),
	(u(105), 'workspace_build', 'terraform', '2025-08-01', NULL, '2025-08-01', NULL),
	(u(106), 'workspace_build', 'terraform', '2025-08-01', '2025-08-01', '2025-08-01', 'failed after cancel'),
	(u(107), 'workspace_build', 'terraform', NULL, NULL, NULL, NULL),
	(u(108), 'workspace_build', 'echo', '2025-09-01', '2025-09-01', NULL, NULL),
	(u(109), 'workspace_build', 'terraform', NULL, '2025-09-01', '2025-09-01', NULL),
	(u(110), 'template_version_import', 'terraform', '2025-09-01', NULL, NULL, NULL),
	(u(111), 'workspace_build', 'terraform', '2025-08-01', NULL, '2025-08-01', NULL),
	(u(112), 'workspace_build', 'terraform', '2025-08-01', NULL, '2025-08-01', NULL);

INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id) VALUES
	(u(401), '2025-08-01', u(31), u(21), 9, 'start', u(101)),
	(u(402), '2025-08-02', u(31), u(21), 10, 'start', u(102)),
	(u(403), '2025-09-01', u(32), u(22), 1, 'start', u(103)),
	(u(404), '2025-08-01', u(33), u(21), 1, 'stop', u(104)),
	(u(405), '2025-08-01', u(34), u(21), 1, 'delete', u(105)),
	(u(406), '2025-08-01', u(35), u(23), 1, 'start', u(106)),
	(u(407), '2025-09-01', u(36), u(21), 1, 'start', u(107)),
	(u(408), '2025-09-01', u(37), u(21), 1, 'start', u(108)),
	(u(409), '2025-09-01', u(38), u(21), 1, 'start', u(109)),
	(u(410), '2025-08-01', u(40), u(21), 1, 'start', u(111)),
	(u(411), '2025-08-01', u(41), u(22), 1, 'start', u(112));

INSERT INTO workspace_resources (id, job_id) VALUES
	(u(201), u(101)),
	(u(202), u(102)), (u(212), u(102)), -- two resources with agents
	(u(203), u(103)),
	(u(204), u(104)),
	(u(205), u(105)),
	(u(206), u(106)),
	(u(210), u(110)),
	(u(211), u(111)),
	(u(213), u(112));

INSERT INTO workspace_agents (id, resource_id, name, created_at, first_connected_at, last_connected_at, disconnected_at,
	connection_timeout_seconds, lifecycle_state, started_at, ready_at, deleted) VALUES
	-- dev, old build
	(u(501), u(201), 'main', '2025-08-01', '2025-08-01', '2025-09-01 12:00:29', NULL, 120, 'ready', '2025-08-01 00:00:00', '2025-08-01 00:00:09', false),
	-- dev: connected; heard of 30 s ago is connected, longer ago is not
	(u(502), u(202), 'main', '2025-08-02', '2025-08-02', '2025-09-01 12:00:29', NULL, 120, 'ready', '2025-08-02 00:00:00', '2025-08-02 00:00:12.5', false),
	(u(503), u(202), 'edge', '2025-08-02', '2025-08-02', '2025-09-01 12:00:00', NULL, 120, 'start_error', '2025-08-02 00:00:00', '2025-08-02 00:00:05', false),
	(u(504), u(212), 'idle', '2025-08-02', '2025-08-02', '2025-09-01 11:59:59.999999', NULL, 120, 'starting', '2025-08-02 00:00:00', NULL, false),
	(u(505), u(202), 'deleted', '2025-08-02', '2025-08-02', '2025-09-01 12:00:29', NULL, 120, 'ready', NULL, NULL, true),
	-- bob's: never connected, without a timeout, past it and before it
	(u(506), u(203), E'ag"e\nnt\\ 🙂', '2025-08-01', NULL, NULL, NULL, 0, 'created', NULL, NULL, false),
	(u(507), u(203), 'late', '2025-09-01 11:58:29.999999', NULL, NULL, NULL, 120, 'created', NULL, NULL, false),
	(u(508), u(203), 'early', '2025-09-01 11:58:30', NULL, NULL, NULL, 120, 'created', NULL, NULL, false),
	-- gone, a deleted workspace
	(u(509), u(205), 'main', '2025-08-01', '2025-08-01', '2025-09-01 12:00:29', NULL, 120, 'off', NULL, NULL, false),
	-- legacy: disconnected when last heard of, and connected again since
	(u(510), u(206), 'main', '2025-08-01', '2025-08-01', '2025-09-01 12:00:29', '2025-09-01 12:00:29', 120, 'start_timeout', '2025-08-01 00:00:00', '2025-08-01 00:05:00', false),
	(u(511), u(206), 'back', '2025-08-01', '2025-08-01', '2025-09-01 12:00:29', '2025-09-01 12:00:28', 120, 'shutdown_error', '2025-08-01 00:00:10', '2025-08-01 00:00:09', false),
	-- of a template's import, not of a workspace
	(u(512), u(210), 'import', '2025-08-01', NULL, NULL, NULL, 0, 'created', NULL, NULL, false),
	-- twins, whose agents have equal labels
	(u(513), u(211), 'main', '2025-08-01', '2025-08-01', '2025-09-01 12:00:29', NULL, 120, 'ready', '2025-08-01 00:00:00', '2025-08-01 00:00:03', false),
	(u(514), u(213), 'main', '2025-08-01', '2025-08-01', '2025-09-01 12:00:29', NULL, 120, 'ready', NULL, NULL, false);

INSERT INTO workspace_apps (agent_id, display_name, slug, health) VALUES
	(u(501), 'code', 'code', 'unhealthy'), -- of the old build
	(u(502), 'code', 'code', 'healthy'),
	(u(502), 'code', 'code2', 'healthy'),
	(u(502), 'code', 'code3', 'unhealthy'),
	(u(502), '', 'blank', 'disabled'),
	(u(505), 'code', 'code', 'healthy'),
	(u(506), E'we"b\n\\ 🙂', 'web', 'initializing'),
	(u(509), 'code', 'code', 'healthy'),
	(u(510), 'Web', 'web', 'disabled');

-- 502: node 0x1234, home region 1, latencies 1-v4 0.5, 1-v6 0.25, 2-v4 0.125,
--      999-v4 1, and keys that are none; fields of other types and numbers. The
--      other rows: node 0x99, home region 2, 1-v4 7.
-- 503: newest row malformed, cut in a field; the older one valid.
-- 504: no id, home region 2, 2-v6 0.5.
-- 510: id -1, home region 7, 7-v4 0.0625.
-- 511: an empty node.
INSERT INTO tailnet_peers (id, coordinator_id, updated_at, node) VALUES
	(u(502), u(1), '2025-09-01 11:59:00', '\x0899012802320f0a04312d7634110000000000001c40'),
	(u(502), u(2), '2025-09-01 12:00:00', '\x08b42412036162631d010203042801320f0a04312d763411000000000000e03f320f0a04312d763611000000000000d03f320f0a04322d763411000000000000c03f32110a063939392d763411000000000000f03f320e0a03626164110000000000002240320f0a04332d7635110000000000002240'),
	(u(502), u(3), '2025-09-01 11:58:00', '\x0899012802320f0a04312d7634110000000000001c40'),
	(u(503), u(1), '2025-09-01 12:00:00', '\x0899012802320f0a04312d76341100000000'),
	(u(503), u(2), '2025-09-01 11:00:00', '\x0899012802320f0a04312d7634110000000000001c40'),
	(u(504), u(1), '2025-09-01 12:00:00', '\x2802320f0a04322d763611000000000000e03f'),
	(u(510), u(1), '2025-09-01 12:00:00', '\x08ffffffffffffffffff012807320f0a04372d763411000000000000b03f'),
	(u(511), u(1), '2025-09-01 12:00:00', ''),
	(u(999), u(1), '2025-09-01 12:00:00', '\x0899012802'); -- of no agent
