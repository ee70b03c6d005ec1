-- Takes from the schema what some versions of Coder do not have.

ALTER TABLE users DROP COLUMN is_system, DROP COLUMN is_service_account;
ALTER TABLE provisioner_jobs DROP COLUMN job_status;
ALTER TABLE workspace_agents DROP COLUMN deleted, DROP COLUMN parent_id;
ALTER TABLE workspace_builds DROP COLUMN template_version_preset_id;
DROP TABLE template_version_preset_prebuild_schedules;
DROP TABLE template_version_presets;
DROP TABLE workspace_agent_script_timings;
DROP TABLE workspace_agent_scripts;
DROP TABLE tailnet_peers;
