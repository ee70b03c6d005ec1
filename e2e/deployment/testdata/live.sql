-- Make the workspaces of any_fleet.sql live now and for an hour: agents are connected,
-- apps are used, the newest builds have just begun and every agent has reported every
-- 30 s for five minutes.

UPDATE workspace_builds SET created_at = now() WHERE build_number = 10;
UPDATE workspace_agents SET last_connected_at = now() + interval '1 hour' WHERE id > u(workspaces() * 9);
UPDATE workspace_app_stats SET session_started_at = now() - interval '10 minutes', session_ended_at = now() + interval '1 hour';
UPDATE tailnet_peers SET updated_at = now();
UPDATE api_keys SET last_used = now();
INSERT INTO workspace_agent_stats (created_at, user_id, agent_id, workspace_id, template_id, rx_bytes, tx_bytes, connection_count, connection_median_latency_ms, session_count_ssh)
	SELECT now() - m * interval '30 seconds', u(1 + n % workspaces()), u(n), u(1 + n % workspaces()), u(1 + (1 + n % workspaces()) % 20), 100, 100, 1, 12, 1
	FROM generate_series(workspaces() * 9 + 1, workspaces() * 10) AS n, generate_series(0, 10) AS m;
VACUUM ANALYZE;
CHECKPOINT;
