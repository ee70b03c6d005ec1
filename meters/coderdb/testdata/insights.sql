-- What users did. The window is [11:55:30, 12:00:30).
SET timezone = 'UTC';

INSERT INTO workspace_agent_stats (created_at, user_id, template_id, agent_id, workspace_id, connection_count,
	session_count_vscode, session_count_jetbrains, session_count_reconnecting_pty, session_count_ssh) VALUES
	-- alice, docker: VS Code in the minutes 11:56 (twice, in two workspaces) and
	-- 11:57, SSH in 11:57, JetBrains in 11:55; the rows at the ends of the window
	('2025-09-01 11:56:10', u(1), u(11), u(502), u(31), 1, 1, 0, 0, 0),
	('2025-09-01 11:56:50', u(1), u(11), u(513), u(40), 0, 2, 0, 0, 0),
	('2025-09-01 11:57:10', u(1), u(11), u(502), u(31), 0, 1, 0, 0, 1),
	('2025-09-01 11:55:29.999999', u(1), u(11), u(502), u(31), 1, 0, 0, 0, 1),
	('2025-09-01 11:55:30', u(1), u(11), u(502), u(31), 1, 0, 1, 0, 0),
	('2025-09-01 12:00:30', u(1), u(11), u(502), u(31), 1, 0, 0, 1, 0),
	-- bob, docker: sessions without connections, and connections without sessions
	('2025-09-01 11:58:00', u(2), u(11), u(502), u(31), 0, 1, 0, 0, 0),
	('2025-09-01 11:58:30', u(2), u(11), u(502), u(31), 5, 0, 0, 0, 0),
	-- bob, docker of the other organization: a terminal in 11:59
	('2025-09-01 11:59:00', u(2), u(12), u(506), u(32), 1, 0, 0, 1, 0),
	-- alice, the deleted template: SSH in 11:59
	('2025-09-01 11:59:10', u(1), u(13), u(510), u(35), 1, 0, 0, 0, 1);

INSERT INTO workspace_app_stats (user_id, workspace_id, agent_id, slug_or_port, session_started_at, session_ended_at) VALUES
	-- code: no whole minute in the window; 11:58 and 11:59; 11:59 again in the old
	-- build; 12:00 of another user, and not yet 12:01; in the future
	(u(1), u(31), u(502), 'code', '2025-09-01 11:54:10', '2025-09-01 11:56:00'),
	(u(1), u(31), u(502), 'code', '2025-09-01 11:58:20', '2025-09-01 11:59:05'),
	(u(1), u(31), u(501), 'code', '2025-09-01 11:59:10', '2025-09-01 11:59:50'),
	(u(2), u(31), u(502), 'code', '2025-09-01 12:00:00', '2025-09-01 12:05:00'),
	(u(2), u(31), u(502), 'code', '2025-09-01 12:01:00', '2025-09-01 12:05:00'),
	-- code2, of the same display name: 11:56 and 11:57, by a microsecond
	(u(1), u(31), u(502), 'code2', '2025-09-01 11:50:00', '2025-09-01 11:57:00.000001'),
	-- without a display name: 11:59
	(u(1), u(31), u(502), 'blank', '2025-09-01 11:59:59.9', '2025-09-01 12:00:00'),
	-- of no length
	(u(1), u(31), u(502), 'code3', '2025-09-01 11:58:00', '2025-09-01 11:58:00'),
	-- a port, and a slug that another agent has
	(u(1), u(31), u(502), '8080', '2025-09-01 11:58:00', '2025-09-01 11:59:00'),
	(u(1), u(31), u(502), 'web', '2025-09-01 11:58:00', '2025-09-01 11:59:00'),
	-- of the deleted template, and of bob's: 11:57
	(u(1), u(35), u(510), 'web', '2025-09-01 11:57:00', '2025-09-01 11:57:30'),
	(u(2), u(32), u(506), 'web', '2025-09-01 11:57:00', '2025-09-01 11:57:30');

INSERT INTO template_version_parameters (template_version_id, name, type) VALUES
	(u(21), 'region', 'string'), (u(21), 'cores', 'number'),
	(u(22), 'region', 'string'),
	(u(23), 'note', 'string');

INSERT INTO provisioner_jobs (id, started_at, completed_at) VALUES
	(u(131), '2025-08-01', '2025-08-01'), (u(132), '2025-08-01', '2025-08-01'), (u(133), '2025-08-01', '2025-08-01'),
	(u(134), '2025-08-01', '2025-08-01'), (u(135), '2025-08-01', '2025-08-01'), (u(136), '2025-08-01', '2025-08-01');

INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id) VALUES
	(u(431), '2025-09-01 11:56:00', u(31), u(21), 11, 'start', u(131)), -- not the newest in the window
	(u(432), '2025-09-01 11:57:00', u(31), u(21), 12, 'stop', u(132)),
	(u(433), '2025-09-01 12:00:30', u(31), u(21), 13, 'start', u(133)), -- after the window
	(u(434), '2025-09-01 11:55:30', u(32), u(22), 2, 'start', u(134)),
	(u(435), '2025-09-01 11:55:29.999999', u(33), u(21), 2, 'start', u(135)), -- before the window
	(u(436), '2025-09-01 11:58:00', u(35), u(23), 2, 'start', u(136));

INSERT INTO workspace_build_parameters (workspace_build_id, name, value) VALUES
	(u(431), 'region', 'us'), (u(431), 'cores', '8'),
	(u(432), 'region', 'eu'), (u(432), 'cores', '4'), (u(432), 'stray', 'not of the version'),
	(u(433), 'region', 'us'), (u(433), 'cores', '8'),
	(u(434), 'region', 'eu'),
	(u(435), 'region', 'us'),
	(u(436), 'note', E'multi\nline "quoted" \\ 🙂');
