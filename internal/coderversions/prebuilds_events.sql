-- A prebuilt workspace that is built, and another one that is claimed, in the versions that
-- have presets. They change no state, like those of events.sql.
INSERT INTO workspaces (id, organization_id, owner_id, template_id, name, deleted) VALUES
	(u(36), u(1), pb(), u(12), 'prebuild-6', true),
	(u(37), u(1), u(2), u(12), 'taken', true);
INSERT INTO provisioner_jobs (id, organization_id, initiator_id, type, provisioner, worker_id, created_at, started_at, completed_at, error) VALUES
	(u(112), u(1), pb(), 'workspace_build', 'terraform', u(91), ahead(1), ahead(2), ahead(12), NULL),
	(u(113), u(1), pb(), 'workspace_build', 'terraform', u(91), now() - interval '1 hour', now() - interval '1 hour', now() - interval '59 minutes', NULL),
	(u(114), u(1), u(2), 'workspace_build', 'terraform', u(91), ahead(1), ahead(1.5), ahead(8.5), NULL);
INSERT INTO workspace_builds (id, created_at, workspace_id, template_version_id, build_number, transition, job_id, initiator_id, template_version_preset_id) VALUES
	(u(412), ahead(1), u(36), u(23), 1, 'start', u(112), pb(), u(65)),
	(u(413), now() - interval '1 hour', u(37), u(23), 1, 'start', u(113), pb(), u(65)),
	(u(414), ahead(1), u(37), u(23), 2, 'start', u(114), u(2), u(65));
INSERT INTO workspace_resources (id, job_id) VALUES (u(212), u(112));
INSERT INTO workspace_agents (id, resource_id, name, created_at, first_connected_at, lifecycle_state, started_at, ready_at) VALUES
	(u(512), u(212), 'main', ahead(12), ahead(14), 'ready', ahead(14), ahead(16));
