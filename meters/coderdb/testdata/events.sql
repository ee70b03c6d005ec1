-- What ended after fleet.sql was looked at, at 12:00:30, until 12:00:40.
SET timezone = 'UTC';

-- The builds that were running: one succeeds, the other is stopped by its cancellation.
UPDATE provisioner_jobs SET completed_at = '2025-09-01 12:00:35' WHERE id = u(103);
UPDATE provisioner_jobs SET completed_at = '2025-09-01 12:00:36', error = 'canceled' WHERE id = u(108);

INSERT INTO provisioner_jobs (id, type, provisioner, started_at, canceled_at, completed_at, error) VALUES
	-- 4 s, 1.5 s
	(u(301), 'workspace_build', 'terraform', '2025-09-01 12:00:31', NULL, '2025-09-01 12:00:35', NULL),
	(u(302), 'workspace_build', 'terraform', '2025-09-01 12:00:31', NULL, '2025-09-01 12:00:32.5', 'boom'),
	-- canceled before it started
	(u(303), 'workspace_build', 'terraform', NULL, '2025-09-01 12:00:33', '2025-09-01 12:00:33', NULL),
	-- canceled, but it finished all the same: 10 s, by a clock that is ahead
	(u(304), 'workspace_build', 'terraform', '2025-09-01 12:00:31', '2025-09-01 12:00:40', '2025-09-01 12:00:41', ''),
	-- 100 s, begun before
	(u(305), 'template_version_import', 'echo', '2025-09-01 11:59:00', NULL, '2025-09-01 12:00:40', NULL),
	-- ended at 12:00:30, and just after: 0.5 s
	(u(306), 'workspace_build', 'terraform', '2025-09-01 12:00:29', NULL, '2025-09-01 12:00:30', NULL),
	(u(307), 'template_version_dry_run', 'terraform', '2025-09-01 12:00:29.500001', NULL, '2025-09-01 12:00:30.000001', NULL),
	-- 1 s each, with equal labels
	(u(308), 'workspace_build', 'terraform', '2025-09-01 12:00:36', NULL, '2025-09-01 12:00:37', NULL),
	(u(309), 'workspace_build', 'terraform', '2025-09-01 12:00:38', NULL, '2025-09-01 12:00:39', NULL),
	-- ran on no daemon: ended by the reaper, and a delete without a daemon
	(u(310), 'workspace_build', 'terraform', '2025-09-01 12:00:39', NULL, '2025-09-01 12:00:39', 'reaped'),
	(u(311), 'workspace_build', 'terraform', '2025-09-01 12:00:39', NULL, '2025-09-01 12:00:39', NULL),
	-- infinite times
	(u(312), 'template_version_import', 'terraform', '2025-09-01 12:00:39', NULL, 'infinity', NULL),
	(u(313), 'template_version_import', 'terraform', '-infinity', NULL, '2025-09-01 12:00:39', NULL);
UPDATE provisioner_jobs SET worker_id = NULL WHERE id IN (u(303), u(310), u(311));

INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id) VALUES
	(u(461), '2025-09-01', u(31), u(21), 21, 'stop', u(301)),
	(u(462), '2025-09-01', u(35), u(23), 21, 'delete', u(302)),
	(u(463), '2025-09-01', u(36), u(21), 21, 'start', u(303)),
	(u(464), '2025-09-01', u(33), u(21), 21, 'start', u(304)),
	(u(466), '2025-09-01', u(40), u(21), 21, 'start', u(306)),
	(u(468), '2025-09-01', u(31), u(21), 22, 'start', u(308)),
	(u(469), '2025-09-01', u(31), u(21), 23, 'start', u(309)),
	(u(470), '2025-09-01', u(41), u(22), 21, 'start', u(310)),
	(u(471), '2025-09-01', u(41), u(22), 22, 'delete', u(311));
