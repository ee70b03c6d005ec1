-- Scripts of deployment.sql that end in a second, in the versions that record them.
INSERT INTO workspace_agent_script_timings (script_id, started_at, ended_at, exit_code, stage, status) VALUES
	(u(601), now() - interval '1 second', ahead(1), 0, 'cron', 'ok'),
	(u(601), now(), ahead(1), 1, 'cron', 'exit_failure');
