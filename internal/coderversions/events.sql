-- Builds and jobs of deployment.sql that end now.
INSERT INTO provisioner_jobs (id, organization_id, initiator_id, type, provisioner, worker_id, created_at, started_at, completed_at, error) VALUES
	(u(107), u(1), u(1), 'workspace_build', 'terraform', u(91), now() - interval '20 seconds', now() - interval '20 seconds', now(), NULL),
	(u(108), u(1), u(1), 'template_version_import', 'echo', u(91), now() - interval '2500 milliseconds', now() - interval '2500 milliseconds', now(), 'boom'),
	(u(109), u(1), u(1), 'workspace_build', 'terraform', NULL, now(), now(), now(), 'no daemon has run it');
INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id, initiator_id) VALUES
	(u(407), now(), u(31), u(22), 0, 'stop', u(107), u(1)),
	(u(409), now(), u(31), u(22), -1, 'stop', u(109), u(1));
