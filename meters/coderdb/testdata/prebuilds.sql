-- Presets, their prebuilt workspaces in every state, and workspaces that users created. It
-- is 12:00:30 on 2025-09-01, UTC, a Monday.
SET timezone = 'UTC';

-- pb() is the user who owns and builds prebuilt workspaces.
CREATE FUNCTION pb() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT 'c42fdf75-3097-471c-8c33-fb52454d81c0'::uuid $$;

INSERT INTO users (id, username, email, is_system) VALUES
	(u(1), 'alice', 'alice@example.com', false),
	(u(2), 'bob', 'bob@example.com', false),
	(pb(), 'prebuilds', 'prebuilds@system', true);
INSERT INTO organizations (id, name) VALUES (u(1), 'coder'), (u(2), 'other');

INSERT INTO templates (id, organization_id, name, active_version_id, deprecated, deleted) VALUES
	(u(11), u(1), 'docker', u(21), '', false),
	(u(12), u(2), 'docker', u(22), '', false),
	(u(13), u(1), 'gone', u(23), '', true),
	(u(14), u(1), 'dep', u(24), 'use docker', false);
INSERT INTO template_versions (id, template_id, name) VALUES
	(u(20), u(11), 'v0'), (u(21), u(11), 'v1'), (u(22), u(12), 'v1'), (u(23), u(13), 'v1'), (u(24), u(14), 'v1');
INSERT INTO template_version_presets (id, template_version_id, name, desired_instances, invalidate_after_secs, prebuild_status, scheduling_timezone, last_invalidated_at) VALUES
	(u(60), u(20), 'small', 7, 0, 'validation_failed', '', NULL), -- of an old version
	(u(61), u(21), 'small', 3, 3600, 'healthy', '', NULL),
	(u(62), u(21), 'large', 2, NULL, 'healthy', 'Europe/Berlin', '2025-09-01 11:00:00'),
	(u(63), u(21), 'never', NULL, 0, 'healthy', '', NULL),
	(u(64), u(22), 'small', 1, 0, 'validation_failed', '', NULL),
	(u(65), u(23), 'small', 4, 0, 'hard_limited', '', NULL),
	(u(66), u(24), 'old', 4, 0, 'healthy', '', NULL),
	(u(67), u(22), 'fresh', 2, 0, 'hard_limited', '', NULL);
INSERT INTO template_version_preset_prebuild_schedules (preset_id, cron_expression, desired_instances) VALUES
	(u(62), '* 14-18 * * 1-5', 5), -- in force: it is 14:00 in Berlin
	(u(62), '* * * * 0,6', 0);

-- build inserts a build of workspace n, whose job has the id 10 * n + its number.
CREATE FUNCTION build(n int, number int, by uuid, preset int, transition workspace_transition, created timestamptz, status text DEFAULT 'succeeded') RETURNS void LANGUAGE sql AS $$
	INSERT INTO provisioner_jobs (id, started_at, completed_at, error)
		VALUES (u(10 * n + number), created, CASE WHEN status <> 'running' THEN created END, CASE WHEN status = 'failed' THEN 'boom' END);
	INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, initiator_id, job_id, template_version_preset_id)
		VALUES (u(10 * n + number), created, u(n), u(21), number, transition, by, u(10 * n + number), u(preset));
	INSERT INTO workspace_resources (id, job_id) VALUES (u(10 * n + number), u(10 * n + number));
$$;
-- agent inserts an agent of build 10 * n + number.
CREATE FUNCTION agent(id int, build int, state workspace_agent_lifecycle_state, parent int DEFAULT NULL, deleted boolean DEFAULT false) RETURNS void LANGUAGE sql AS $$
	INSERT INTO workspace_agents (id, parent_id, resource_id, name, created_at, lifecycle_state, deleted) VALUES (u(id), u(parent), u(build), 'main', '2025-09-01', state, deleted);
$$;

INSERT INTO workspaces (id, created_at, owner_id, template_id, name, deleted)
	SELECT u(n), at::timestamptz, owner, u(template), 'w' || n, deleted FROM (VALUES
	(31, '2025-09-01 11:30:00', pb(), 11, false),
	(32, '2025-09-01 11:00:29', pb(), 11, false), -- expired a second ago
	(33, '2025-09-01 11:30:00', pb(), 11, false), -- without agents
	(34, '2025-09-01 11:30:00', pb(), 11, false), -- one agent is not ready
	(35, '2025-09-01 11:30:00', pb(), 11, false), -- failed
	(36, '2025-09-01 11:30:00', pb(), 11, true),
	(37, '2025-09-01 11:30:00', pb(), 11, false), -- stopped
	(38, '2025-09-01 11:00:00', pb(), 11, false), -- started again, without a preset
	(39, '2025-09-01 10:59:59', pb(), 11, false), -- created before the invalidation
	(40, '2025-09-01 11:30:00', u(1), 11, false), -- claimed
	(41, '2025-09-01 11:30:00', u(2), 11, true),  -- claimed
	(42, '2025-09-01 11:30:00', pb(), 12, false), -- three that failed after one that runs
	(43, '2025-09-01 11:30:00', pb(), 12, false),
	(44, '2025-09-01 11:30:00', pb(), 12, false),
	(45, '2025-09-01 11:30:00', pb(), 12, false),
	(46, '2025-09-01 11:30:00', pb(), 14, false),
	(47, '2025-09-01 11:30:00', pb(), 13, false),
	(48, '2025-09-01 11:30:00', pb(), 11, false), -- of the old version
	(51, '2025-09-01 11:30:00', u(1), 11, false), -- its first build failed
	(52, '2025-09-01 11:30:00', u(1), 11, true),  -- without a preset
	(53, '2025-09-01 11:30:00', u(2), 11, false), -- still building
	(54, '2025-09-01 11:30:00', u(1), 13, false),
	(55, '2025-09-01 11:30:00', u(2), 12, false)
	) AS w(n, at, owner, template, deleted);

SELECT build(31, 1, pb(), 61, 'start', '2025-09-01 11:30'), agent(1, 311, 'ready'), agent(2, 311, 'starting', 1), agent(3, 311, 'off', NULL, true);
SELECT build(32, 1, pb(), 61, 'start', '2025-09-01 11:30'), agent(4, 321, 'ready');
SELECT build(33, 1, pb(), 61, 'start', '2025-09-01 11:30');
SELECT build(34, 1, pb(), 61, 'start', '2025-09-01 11:30'), agent(5, 341, 'ready'), agent(6, 341, 'start_error');
SELECT build(35, 1, pb(), 61, 'start', '2025-09-01 11:59', 'failed');
SELECT build(36, 1, pb(), 61, 'start', '2025-09-01 11:30'), build(36, 2, pb(), NULL, 'delete', '2025-09-01 11:40');
SELECT build(37, 1, pb(), 61, 'start', '2025-09-01 11:30'), build(37, 2, pb(), 61, 'stop', '2025-09-01 11:40');
SELECT build(38, 1, pb(), 62, 'start', '2025-09-01 11:30', 'failed'), build(38, 2, pb(), NULL, 'start', '2025-09-01 11:40'), agent(7, 382, 'ready');
SELECT build(39, 1, pb(), 62, 'start', '2025-09-01 11:30'), agent(8, 391, 'ready');
SELECT build(40, 1, pb(), 61, 'start', '2025-09-01 11:30'), build(40, 2, u(1), 61, 'start', '2025-09-01 11:40'), agent(9, 402, 'ready');
SELECT build(41, 1, pb(), 61, 'start', '2025-09-01 11:30'), build(41, 2, u(2), 61, 'start', '2025-09-01 11:40'), build(41, 3, u(2), NULL, 'delete', '2025-09-01 11:50');
SELECT build(n, 1, pb(), 64, 'start', '2025-09-01 11:40', 'failed') FROM generate_series(42, 44) AS n;
SELECT build(45, 1, pb(), 64, 'start', '2025-09-01 11:30'), agent(10, 451, 'ready');
SELECT build(46, 1, pb(), 66, 'start', '2025-09-01 11:30'), agent(11, 461, 'ready');
SELECT build(47, 1, pb(), 65, 'start', '2025-09-01 11:30'), agent(12, 471, 'ready');
SELECT build(48, 1, pb(), 60, 'start', '2025-09-01 11:30'), agent(13, 481, 'ready');

SELECT build(51, 1, u(1), 63, 'start', '2025-09-01 11:30', 'failed'), build(51, 2, u(2), 63, 'start', '2025-09-01 11:40'), build(51, 3, pb(), NULL, 'start', '2025-09-01 11:40');
SELECT build(52, 1, u(1), NULL, 'start', '2025-09-01 11:30'), build(52, 2, u(1), NULL, 'delete', '2025-09-01 11:40');
SELECT build(53, 1, u(2), 61, 'start', '2025-09-01 11:30', 'running');
SELECT build(54, 1, u(1), 65, 'start', '2025-09-01 11:30');
SELECT build(55, 1, u(2), 64, 'start', '2025-09-01 11:30');
