-- Reports of agents. A first collection at 12:00:30, with an interval of one
-- minute, counts those in (11:59:30, 12:05:30].
SET timezone = 'UTC';

INSERT INTO workspace_agent_stats (created_at, agent_id, user_id, workspace_id, template_id, rx_bytes, tx_bytes,
	connection_count, connection_median_latency_ms,
	session_count_vscode, session_count_jetbrains, session_count_reconnecting_pty, session_count_ssh) VALUES
	-- dev/main: before the window, in it, newest with a latency, newest, after it
	('2025-09-01 11:59:30', u(502), u(1), u(31), u(11), 1000000, 1000000, 9, 900, 9, 9, 9, 9),
	('2025-09-01 11:59:30.000001', u(502), u(1), u(31), u(11), 10, 1, 1, 50, 5, 5, 5, 5),
	('2025-09-01 12:00:00', u(502), u(1), u(31), u(11), 5, 3, 2, 12.5, 1, 2, 3, 4),
	('2025-09-01 12:05:30', u(502), u(1), u(31), u(11), 20, 2, 9, 0, 9, 9, 9, 9),
	('2025-09-01 12:05:30.000001', u(502), u(1), u(31), u(11), 2000000, 2000000, 9, 900, 9, 9, 9, 9),
	-- dev/main of the old build has the same labels: summed, the latency is the greatest
	('2025-09-01 12:00:10', u(501), u(1), u(31), u(11), 100, 100, 1, 500, 0, 0, 0, 1),
	-- dev/edge: no latency reported
	('2025-09-01 12:00:00', u(503), u(1), u(31), u(11), 7, 7, 7, 0, 7, 7, 7, 7),
	('2025-09-01 12:00:10', u(503), u(1), u(31), u(11), 7, 7, 7, -1, 7, 7, 7, 7),
	-- dev/idle: only latencies that are none
	('2025-09-01 12:00:10', u(504), u(1), u(31), u(11), 7, 7, 7, 'NaN', 7, 7, 7, 7),
	('2025-09-01 12:00:20', u(504), u(1), u(31), u(11), 7, 7, 7, 'Infinity', 7, 7, 7, 7),
	-- bob's
	('2025-09-01 12:00:10', u(506), u(2), u(32), u(12), 1, 2, 0, 0.5, 0, 0, 0, 0),
	('2025-09-01 12:00:20', u(506), u(2), u(32), u(12), 1, 2, 7, 'NaN', 7, 7, 7, 7),
	-- gone/main: the workspace has been deleted since
	('2025-09-01 12:00:10', u(509), u(1), u(34), u(11), 3, 4, 1, 1000, 0, 0, 1, 0),
	-- legacy/main: more than fits
	('2025-09-01 12:00:10', u(510), u(2), u(35), u(13), 9223372036854775807, -9223372036854775808, 1, 250, 0, 0, 0, 0),
	('2025-09-01 12:00:20', u(510), u(2), u(35), u(13), 9223372036854775807, -9223372036854775808, 1, 250, 0, 0, 0, 0);
