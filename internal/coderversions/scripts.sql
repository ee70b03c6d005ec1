-- Scripts of deployment.sql that end now, in the versions that record them.
INSERT INTO workspace_agent_script_timings (script_id, started_at, ended_at, exit_code, stage, status) VALUES
	(u(601), now() - interval '2 seconds', now(), 0, 'cron', 'ok'),
	(u(601), now() - interval '1 second', now(), 1, 'cron', 'exit_failure');
