-- Presets of deployment.sql, and workspaces that the user prebuilds builds of them, in the
-- versions that have presets.

-- pb() is the user prebuilds.
CREATE FUNCTION pb() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT 'c42fdf75-3097-471c-8c33-fb52454d81c0'::uuid $$;

INSERT INTO template_version_presets (id, template_version_id, name, desired_instances, prebuild_status, scheduling_timezone) VALUES
	(u(61), u(22), 'small', 2, 'healthy', 'UTC'),
	(u(62), u(22), 'large', 1, 'validation_failed', ''),
	(u(63), u(22), 'plain', NULL, 'healthy', ''),
	(u(64), u(21), 'before', 7, 'healthy', ''), -- of an old version
	(u(65), u(23), 'tiny', 9, 'healthy', ''); -- of a deleted template
INSERT INTO template_version_preset_prebuild_schedules (preset_id, cron_expression, desired_instances) VALUES
	(u(61), '* * * * *', 3);

UPDATE workspace_builds SET template_version_preset_id = u(64) WHERE id = u(401); -- failed
UPDATE workspace_builds SET template_version_preset_id = u(63) WHERE id = u(402);

INSERT INTO workspaces (id, organization_id, owner_id, template_id, name, deleted) VALUES
	(u(41), u(1), pb(), u(11), 'prebuild-1', false), -- eligible
	(u(42), u(1), pb(), u(11), 'prebuild-2', false), -- its agent is not ready
	(u(43), u(1), pb(), u(11), 'prebuild-3', false), -- failed, as the next two
	(u(44), u(1), pb(), u(11), 'prebuild-4', false),
	(u(45), u(1), pb(), u(11), 'prebuild-5', false),
	(u(46), u(1), u(2), u(11), 'claimed', false);
INSERT INTO provisioner_jobs (id, organization_id, initiator_id, type, provisioner, worker_id, created_at, started_at, completed_at, error)
	SELECT u(100 + n), u(1), CASE n WHEN 47 THEN u(2) ELSE pb() END, 'workspace_build', 'terraform', u(91),
		now() - interval '1 hour', now() - interval '1 hour', now() - interval '59 minutes',
		CASE WHEN n BETWEEN 43 AND 45 THEN 'boom' END
	FROM generate_series(41, 47) AS n;
INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id, initiator_id, template_version_preset_id) VALUES
	(u(441), now() - interval '1 hour', u(41), u(22), 1, 'start', u(141), pb(), u(61)),
	(u(442), now() - interval '1 hour', u(42), u(22), 1, 'start', u(142), pb(), u(61)),
	(u(443), now() - interval '1 hour', u(43), u(22), 1, 'start', u(143), pb(), u(62)),
	(u(444), now() - interval '1 hour', u(44), u(22), 1, 'start', u(144), pb(), u(62)),
	(u(445), now() - interval '1 hour', u(45), u(22), 1, 'start', u(145), pb(), u(62)),
	(u(446), now() - interval '1 hour', u(46), u(22), 1, 'start', u(146), pb(), u(61)),
	(u(447), now() - interval '1 hour', u(46), u(22), 2, 'start', u(147), u(2), u(61));
INSERT INTO workspace_resources (id, job_id) VALUES (u(241), u(141)), (u(242), u(142));
INSERT INTO workspace_agents (id, resource_id, name, created_at, first_connected_at, last_connected_at, connection_timeout_seconds, lifecycle_state) VALUES
	(u(541), u(241), 'main', now() - interval '1 hour', now() - interval '1 hour', now(), 120, 'ready'),
	(u(542), u(242), 'main', now() - interval '1 hour', now() - interval '1 hour', now(), 120, 'starting');
