-- The scripts that agents executed from 12:00:30 until 12:00:40.
SET timezone = 'UTC';

INSERT INTO workspace_agent_scripts (id, workspace_agent_id) VALUES
	(u(601), u(502)), (u(602), u(502)), (u(603), u(506)),
	(u(604), u(512)),  -- of a template's import
	(u(605), u(501));  -- of the old build, with equal labels

INSERT INTO workspace_agent_script_timings (script_id, started_at, ended_at, status) VALUES
	(u(601), '2025-09-01 12:00:20', '2025-09-01 12:00:30', 'ok'), -- before
	(u(601), '2025-09-01 12:00:30', '2025-09-01 12:00:31', 'ok'),
	(u(601), '2025-09-01 12:00:33', '2025-09-01 12:00:34', 'ok'), -- once more
	(u(602), '2025-09-01 12:00:31', '2025-09-01 12:00:32', 'exit_failure'),
	(u(603), '2025-09-01 12:00:31', '2025-09-01 12:00:32', 'timed_out'),
	(u(603), '2025-09-01 12:00:32', '2025-09-01 12:00:33', 'pipes_left_open'),
	(u(604), '2025-09-01 12:00:31', '2025-09-01 12:00:32', 'ok'),
	(u(605), '2025-09-01 12:00:31', '2025-09-01 12:00:32', 'ok');
