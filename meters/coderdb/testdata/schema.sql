-- The tables of a Coder deployment's database that are read, and the columns of
-- them that are, with the types, keys and indexes that they have there; and some
-- columns that must never be read.

CREATE TYPE user_status AS ENUM ('active', 'suspended', 'dormant');
CREATE TYPE workspace_transition AS ENUM ('start', 'stop', 'delete');
CREATE TYPE provisioner_type AS ENUM ('echo', 'terraform');
CREATE TYPE provisioner_job_type AS ENUM ('template_version_import', 'workspace_build', 'template_version_dry_run');
CREATE TYPE provisioner_job_status AS ENUM ('pending', 'running', 'succeeded', 'canceling', 'canceled', 'failed', 'unknown');
CREATE TYPE workspace_agent_lifecycle_state AS ENUM ('created', 'starting', 'start_timeout', 'start_error', 'ready',
	'shutting_down', 'shutdown_timeout', 'shutdown_error', 'off');
CREATE TYPE workspace_app_health AS ENUM ('disabled', 'initializing', 'healthy', 'unhealthy');
CREATE TYPE workspace_agent_script_timing_status AS ENUM ('ok', 'exit_failure', 'timed_out', 'pipes_left_open');

CREATE TABLE users (
	id uuid PRIMARY KEY,
	username text NOT NULL,
	email text NOT NULL,
	hashed_password bytea NOT NULL DEFAULT 'secret', -- never read
	status user_status NOT NULL DEFAULT 'dormant',
	deleted boolean NOT NULL DEFAULT false,
	is_system boolean NOT NULL DEFAULT false,
	is_service_account boolean NOT NULL DEFAULT false
);

CREATE TABLE api_keys (
	id text PRIMARY KEY,
	hashed_secret bytea NOT NULL DEFAULT 'secret', -- never read
	user_id uuid NOT NULL,
	last_used timestamptz NOT NULL
);

CREATE TABLE organizations (
	id uuid PRIMARY KEY,
	name text NOT NULL
);

CREATE TABLE templates (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001',
	name varchar(64) NOT NULL,
	active_version_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
	deprecated text NOT NULL DEFAULT '',
	deleted boolean NOT NULL DEFAULT false
);

CREATE TABLE template_versions (
	id uuid PRIMARY KEY,
	template_id uuid,
	name varchar(64) NOT NULL
);

CREATE TYPE prebuild_status AS ENUM ('healthy', 'hard_limited', 'validation_failed');

CREATE TABLE template_version_presets (
	id uuid PRIMARY KEY,
	template_version_id uuid NOT NULL,
	name text NOT NULL,
	desired_instances integer,
	invalidate_after_secs integer DEFAULT 0,
	prebuild_status prebuild_status NOT NULL DEFAULT 'healthy',
	scheduling_timezone text NOT NULL DEFAULT '',
	last_invalidated_at timestamptz,
	UNIQUE (name, template_version_id)
);

CREATE TABLE template_version_preset_prebuild_schedules (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	preset_id uuid NOT NULL,
	cron_expression text NOT NULL,
	desired_instances integer NOT NULL
);

CREATE TABLE workspaces (
	id uuid PRIMARY KEY,
	created_at timestamptz NOT NULL DEFAULT now(),
	owner_id uuid NOT NULL,
	template_id uuid NOT NULL,
	name varchar(64) NOT NULL,
	deleted boolean NOT NULL DEFAULT false
);
CREATE INDEX ON workspaces (owner_id, lower(name)) WHERE deleted = false;

CREATE TABLE provisioner_daemons (
	id uuid PRIMARY KEY,
	last_seen_at timestamptz
);

CREATE TABLE provisioner_jobs (
	id uuid PRIMARY KEY,
	created_at timestamptz NOT NULL DEFAULT now(),
	type provisioner_job_type NOT NULL DEFAULT 'workspace_build',
	provisioner provisioner_type NOT NULL DEFAULT 'terraform',
	worker_id uuid DEFAULT '00000000-0000-0000-0000-000000000001', -- NULL: no daemon has run it
	started_at timestamptz,
	canceled_at timestamptz,
	completed_at timestamptz,
	error text,
	job_status provisioner_job_status NOT NULL GENERATED ALWAYS AS (
		CASE
			WHEN completed_at IS NOT NULL THEN CASE
				WHEN error <> '' THEN 'failed'::provisioner_job_status
				WHEN canceled_at IS NOT NULL THEN 'canceled'::provisioner_job_status
				ELSE 'succeeded'::provisioner_job_status
			END
			ELSE CASE
				WHEN error <> '' THEN 'failed'::provisioner_job_status
				WHEN canceled_at IS NOT NULL THEN 'canceling'::provisioner_job_status
				WHEN started_at IS NULL THEN 'pending'::provisioner_job_status
				ELSE 'running'::provisioner_job_status
			END
		END
	) STORED
);

CREATE TABLE workspace_builds (
	id uuid PRIMARY KEY,
	created_at timestamptz NOT NULL,
	workspace_id uuid NOT NULL,
	template_version_id uuid NOT NULL,
	build_number integer NOT NULL,
	transition workspace_transition NOT NULL,
	initiator_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001',
	reason text NOT NULL DEFAULT 'initiator',
	job_id uuid NOT NULL UNIQUE,
	template_version_preset_id uuid,
	UNIQUE (workspace_id, build_number)
);
CREATE INDEX ON workspace_builds (initiator_id);

CREATE TABLE workspace_resources (
	id uuid PRIMARY KEY,
	job_id uuid NOT NULL
);
CREATE INDEX ON workspace_resources (job_id);

CREATE TABLE workspace_agents (
	id uuid PRIMARY KEY,
	auth_token uuid NOT NULL DEFAULT '5ec3e700-0000-0000-0000-000000000000', -- never read
	parent_id uuid,
	resource_id uuid NOT NULL,
	name varchar(64) NOT NULL,
	created_at timestamptz NOT NULL,
	first_connected_at timestamptz,
	last_connected_at timestamptz,
	disconnected_at timestamptz,
	connection_timeout_seconds integer NOT NULL DEFAULT 0,
	lifecycle_state workspace_agent_lifecycle_state NOT NULL DEFAULT 'created',
	started_at timestamptz,
	ready_at timestamptz,
	deleted boolean NOT NULL DEFAULT false
);
CREATE INDEX ON workspace_agents (resource_id);

CREATE TABLE workspace_apps (
	agent_id uuid NOT NULL,
	display_name varchar(64) NOT NULL,
	slug text NOT NULL,
	health workspace_app_health NOT NULL DEFAULT 'disabled',
	UNIQUE (agent_id, slug)
);

CREATE TABLE workspace_agent_stats (
	created_at timestamptz NOT NULL,
	user_id uuid NOT NULL,
	agent_id uuid NOT NULL,
	workspace_id uuid NOT NULL,
	template_id uuid NOT NULL,
	rx_bytes bigint NOT NULL DEFAULT 0,
	tx_bytes bigint NOT NULL DEFAULT 0,
	connection_count bigint NOT NULL DEFAULT 0,
	connection_median_latency_ms double precision NOT NULL DEFAULT -1,
	session_count_vscode bigint NOT NULL DEFAULT 0,
	session_count_jetbrains bigint NOT NULL DEFAULT 0,
	session_count_reconnecting_pty bigint NOT NULL DEFAULT 0,
	session_count_ssh bigint NOT NULL DEFAULT 0
);
CREATE INDEX ON workspace_agent_stats (created_at);

CREATE TABLE workspace_app_stats (
	user_id uuid NOT NULL,
	workspace_id uuid NOT NULL,
	agent_id uuid NOT NULL,
	access_method text NOT NULL DEFAULT 'path',
	slug_or_port text NOT NULL,
	session_started_at timestamptz NOT NULL,
	session_ended_at timestamptz NOT NULL
);

CREATE TABLE workspace_agent_scripts (
	id uuid PRIMARY KEY,
	workspace_agent_id uuid NOT NULL
);

CREATE TABLE workspace_agent_script_timings (
	script_id uuid NOT NULL,
	started_at timestamptz NOT NULL,
	ended_at timestamptz NOT NULL,
	status workspace_agent_script_timing_status NOT NULL,
	UNIQUE (script_id, started_at)
);

CREATE TABLE template_version_parameters (
	template_version_id uuid NOT NULL,
	name text NOT NULL,
	type text NOT NULL,
	UNIQUE (template_version_id, name)
);

CREATE TABLE workspace_build_parameters (
	workspace_build_id uuid NOT NULL,
	name text NOT NULL,
	value text NOT NULL,
	UNIQUE (workspace_build_id, name)
);

CREATE TABLE licenses (
	jwt text NOT NULL UNIQUE,
	exp timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tailnet_peers (
	id uuid NOT NULL,
	coordinator_id uuid NOT NULL,
	updated_at timestamptz NOT NULL,
	node bytea NOT NULL,
	PRIMARY KEY (id, coordinator_id)
);

-- u(n) is the UUID that the fixtures write as n.
CREATE FUNCTION u(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;
