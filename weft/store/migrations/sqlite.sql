CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE aliases (
	project TEXT NOT NULL, 
	name TEXT NOT NULL, 
	alias TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	CONSTRAINT pk_aliases PRIMARY KEY (project, name, alias)
);

CREATE TABLE blobs (
	project TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	encoding TEXT NOT NULL, 
	data BLOB, 
	created_ns BIGINT NOT NULL, 
	CONSTRAINT pk_blobs PRIMARY KEY (project, digest), 
	CONSTRAINT ck_blobs_encoding CHECK (encoding IN ('none', 'zstd', 'file'))
);

CREATE TABLE console (
	run_id TEXT NOT NULL, 
	source TEXT NOT NULL, 
	first BIGINT NOT NULL, 
	stream TEXT NOT NULL, 
	time_ns BIGINT NOT NULL, 
	size BIGINT NOT NULL, 
	lines TEXT NOT NULL, 
	CONSTRAINT pk_console PRIMARY KEY (run_id, source, first, stream)
);

CREATE TABLE examples (
	project TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	data TEXT NOT NULL, 
	CONSTRAINT pk_examples PRIMARY KEY (project, digest)
);

CREATE TABLE points (
	series_id BIGINT NOT NULL, 
	step BIGINT NOT NULL, 
	time_ns BIGINT NOT NULL, 
	writer TEXT NOT NULL, 
	value DOUBLE, 
	CONSTRAINT pk_points PRIMARY KEY (series_id, step)
)
 WITHOUT ROWID

;

CREATE TABLE progress (
	writer TEXT NOT NULL, 
	segment BIGINT NOT NULL, 
	stored BIGINT NOT NULL, 
	CONSTRAINT pk_progress PRIMARY KEY (writer, segment)
);

CREATE TABLE projects (
	project TEXT NOT NULL, 
	CONSTRAINT pk_projects PRIMARY KEY (project)
);

CREATE TABLE runs (
	run_id TEXT NOT NULL, 
	project TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	status TEXT NOT NULL, 
	config TEXT NOT NULL, 
	summary TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	notes TEXT, 
	group_name TEXT, 
	job_type TEXT, 
	git TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	parent_run_id TEXT, 
	started_at_ns BIGINT NOT NULL, 
	ended_at_ns BIGINT, 
	exit_code BIGINT, 
	failure TEXT, 
	writer TEXT, 
	times TEXT NOT NULL, 
	definitions TEXT DEFAULT '{}' NOT NULL, folded TEXT DEFAULT '{}' NOT NULL, origin TEXT DEFAULT '{}' NOT NULL, preempting BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_runs PRIMARY KEY (run_id), 
	CONSTRAINT ck_runs_kind CHECK (kind IN ('app', 'train', 'eval', 'trial')), 
	CONSTRAINT ck_runs_status CHECK (status IN ('running', 'finished', 'failed'))
);

CREATE INDEX ix_runs_parent_run_id ON runs (parent_run_id);

CREATE INDEX ix_runs_project_kind_started_at_ns ON runs (project, kind, started_at_ns);

CREATE TABLE samples (
	run_id TEXT NOT NULL, 
	example_id TEXT NOT NULL, 
	repetition INTEGER NOT NULL, 
	project TEXT NOT NULL, 
	status TEXT NOT NULL, 
	started_ns BIGINT NOT NULL, 
	ended_ns BIGINT NOT NULL, 
	input TEXT NOT NULL, 
	expected TEXT NOT NULL, 
	output TEXT NOT NULL, 
	failure TEXT, 
	trace_id TEXT, 
	span_id TEXT, 
	cluster TEXT, 
	tags TEXT NOT NULL, 
	input_tokens BIGINT, 
	output_tokens BIGINT, 
	cost_usd DOUBLE, 
	CONSTRAINT pk_samples PRIMARY KEY (run_id, example_id, repetition), 
	CONSTRAINT ck_samples_status CHECK (status IN ('ok', 'error', 'timeout'))
);

CREATE INDEX ix_samples_trace_id_span_id ON samples (trace_id, span_id);

CREATE TABLE scores (
	score_id TEXT NOT NULL, 
	project TEXT NOT NULL, 
	name TEXT NOT NULL, 
	time_ns BIGINT NOT NULL, 
	source TEXT NOT NULL, 
	value DOUBLE, 
	label TEXT, 
	explanation TEXT, 
	confidence DOUBLE, 
	author TEXT, 
	run_id TEXT, 
	example_id TEXT, 
	repetition BIGINT, 
	trace_id TEXT, 
	span_id TEXT, 
	failure TEXT, 
	metadata TEXT NOT NULL, 
	CONSTRAINT pk_scores PRIMARY KEY (score_id), 
	CONSTRAINT ck_scores_source CHECK (source IN ('code', 'llm', 'human'))
);

CREATE INDEX ix_scores_project_name_time_ns ON scores (project, name, time_ns);

CREATE INDEX ix_scores_run_id_example_id ON scores (run_id, example_id);

CREATE INDEX ix_scores_trace_id_span_id ON scores (trace_id, span_id);

CREATE TABLE series (
	series_id INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	source TEXT NOT NULL, changed BIGINT DEFAULT '0' NOT NULL, packed BIGINT, waiting BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_series PRIMARY KEY (series_id), 
	CONSTRAINT uq_series_run_id_name_source UNIQUE (run_id, name, source)
);

CREATE TABLE span_events (
	trace_id TEXT NOT NULL, 
	span_id TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	time_ns BIGINT NOT NULL, 
	event TEXT NOT NULL, 
	CONSTRAINT pk_span_events PRIMARY KEY (trace_id, span_id, digest)
);

CREATE TABLE traces (
	trace_id TEXT NOT NULL, 
	project TEXT NOT NULL, 
	root_span_id TEXT NOT NULL, 
	rooted BOOLEAN NOT NULL, 
	start_ns BIGINT NOT NULL, 
	duration_ns BIGINT NOT NULL, 
	spans BIGINT NOT NULL, 
	errors BIGINT NOT NULL, 
	input_tokens BIGINT, 
	output_tokens BIGINT, 
	cost_usd DOUBLE, 
	CONSTRAINT pk_traces PRIMARY KEY (trace_id)
);

CREATE INDEX ix_traces_project_duration_ns ON traces (project, duration_ns);

CREATE INDEX ix_traces_project_start_ns ON traces (project, start_ns);

CREATE TABLE version_examples (
	project TEXT NOT NULL, 
	name TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	position BIGINT NOT NULL, 
	example_id TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	split TEXT, 
	CONSTRAINT pk_version_examples PRIMARY KEY (project, name, version, position)
);

CREATE TABLE writers (
	writer TEXT NOT NULL, 
	time_ns BIGINT NOT NULL, 
	pid BIGINT NOT NULL, 
	host TEXT NOT NULL, 
	ended BOOLEAN NOT NULL, 
	CONSTRAINT pk_writers PRIMARY KEY (writer)
);

CREATE TABLE contents (
	id INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_contents PRIMARY KEY (id)
);

CREATE TABLE pieces (
	digest INTEGER NOT NULL, 
	rest BIGINT NOT NULL, 
	place BIGINT NOT NULL, 
	CONSTRAINT pk_pieces PRIMARY KEY (digest)
);

CREATE TABLE freed_contents (
	content INTEGER NOT NULL, 
	trimmed BOOLEAN NOT NULL, 
	CONSTRAINT pk_freed_contents PRIMARY KEY (content)
);

CREATE TABLE dictionaries (
	id INTEGER NOT NULL, 
	documents BIGINT NOT NULL, 
	data BLOB NOT NULL, 
	created_ns BIGINT NOT NULL, 
	CONSTRAINT pk_dictionaries PRIMARY KEY (id)
);

CREATE TABLE spans (
	trace_id TEXT NOT NULL, 
	span_id TEXT NOT NULL, 
	parent_span_id TEXT, 
	project TEXT NOT NULL, 
	run_id TEXT, 
	name TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	status TEXT NOT NULL, 
	status_message TEXT, 
	start_ns BIGINT NOT NULL, 
	end_ns BIGINT, 
	duration_ns BIGINT NOT NULL, 
	model TEXT, 
	provider TEXT, 
	model_version TEXT, 
	input_tokens BIGINT, 
	output_tokens BIGINT, 
	cached_tokens BIGINT, 
	reasoning_tokens BIGINT, 
	cost_usd DOUBLE, 
	thread_id TEXT, 
	user_id TEXT, 
	scope TEXT, 
	writer TEXT, 
	id INTEGER NOT NULL, 
	facets TEXT, 
	content BIGINT NOT NULL, 
	CONSTRAINT pk_spans PRIMARY KEY (id), 
	CONSTRAINT uq_spans_trace_id_span_id UNIQUE (trace_id, span_id), 
	CONSTRAINT ck_spans_status CHECK (status IN ('unset', 'ok', 'error'))
);

CREATE INDEX ix_spans_project_start_ns ON spans (project, start_ns);

CREATE INDEX ix_spans_project_status_start_ns ON spans (project, status, start_ns);

CREATE INDEX ix_spans_roots ON spans (project, start_ns) WHERE parent_span_id IS NULL;

CREATE INDEX ix_spans_thread_id_start_ns ON spans (thread_id, start_ns) WHERE thread_id IS NOT NULL;

CREATE INDEX ix_spans_project_duration_ns_start_ns ON spans (project, duration_ns, start_ns);

CREATE INDEX ix_spans_project_model_start_ns ON spans (project, model, start_ns) WHERE model IS NOT NULL;

CREATE INDEX ix_spans_project_cost_usd_start_ns ON spans (project, cost_usd, start_ns) WHERE cost_usd IS NOT NULL;

CREATE INDEX ix_spans_run_id_start_ns ON spans (run_id, start_ns) WHERE run_id IS NOT NULL;

CREATE INDEX ix_spans_user_id_start_ns ON spans (user_id, start_ns) WHERE user_id IS NOT NULL;

CREATE INDEX ix_spans_open ON spans (project, start_ns) WHERE end_ns IS NULL;

CREATE TABLE span_groups (
	group_id BIGINT NOT NULL, 
	project TEXT NOT NULL, 
	name TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	model TEXT, 
	provider TEXT, 
	model_version TEXT, 
	status TEXT NOT NULL, 
	CONSTRAINT pk_span_groups PRIMARY KEY (group_id)
);

CREATE TABLE span_hours (
	group_id BIGINT NOT NULL, 
	hour BIGINT NOT NULL, 
	spans BIGINT NOT NULL, 
	input_tokens_spans BIGINT NOT NULL, 
	input_tokens BIGINT NOT NULL, 
	output_tokens_spans BIGINT NOT NULL, 
	output_tokens BIGINT NOT NULL, 
	cached_tokens_spans BIGINT NOT NULL, 
	cached_tokens BIGINT NOT NULL, 
	cost_usd_spans BIGINT NOT NULL, 
	cost_usd DOUBLE NOT NULL, 
	latencies BLOB NOT NULL, 
	CONSTRAINT pk_span_hours PRIMARY KEY (group_id, hour)
)
 WITHOUT ROWID

;

CREATE TABLE attribute_indexes (
	id BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	created_ns BIGINT NOT NULL, 
	CONSTRAINT pk_attribute_indexes PRIMARY KEY (id), 
	CONSTRAINT uq_attribute_indexes_name UNIQUE (name)
);

CREATE TABLE span_attributes (
	attribute BIGINT NOT NULL, 
	project TEXT NOT NULL, 
	value TEXT NOT NULL, 
	start_ns BIGINT NOT NULL, 
	span BIGINT NOT NULL, 
	CONSTRAINT pk_span_attributes PRIMARY KEY (attribute, project, value, start_ns, span)
)
 WITHOUT ROWID

;

CREATE TABLE backfills (
	task TEXT NOT NULL, 
	next BIGINT NOT NULL, 
	last BIGINT NOT NULL, 
	CONSTRAINT pk_backfills PRIMARY KEY (task)
);

CREATE VIRTUAL TABLE span_words USING fts5(words, content='', columnsize=0, detail=none, tokenize='ascii');

CREATE TABLE deployments (
	deployment_id TEXT NOT NULL, 
	project TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	name TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	started_ns BIGINT NOT NULL, 
	ended_ns BIGINT, 
	host TEXT, 
	run_id TEXT, 
	metadata TEXT NOT NULL, 
	CONSTRAINT pk_deployments PRIMARY KEY (deployment_id)
);

CREATE INDEX ix_deployments_project_environment_name_started_ns ON deployments (project, environment, name, started_ns);

CREATE TABLE prices (
	project TEXT NOT NULL, 
	model TEXT NOT NULL, 
	from_ns BIGINT NOT NULL, 
	input_usd DOUBLE NOT NULL, 
	output_usd DOUBLE NOT NULL, 
	cached_usd DOUBLE, 
	CONSTRAINT pk_prices PRIMARY KEY (project, model, from_ns)
);

CREATE TABLE retentions (
	project TEXT NOT NULL, 
	expression TEXT NOT NULL, 
	days DOUBLE NOT NULL, 
	created_ns BIGINT NOT NULL, 
	CONSTRAINT pk_retentions PRIMARY KEY (project, expression)
);

CREATE TABLE audit (
	audit_id TEXT NOT NULL, 
	time_ns BIGINT NOT NULL, 
	author TEXT NOT NULL, 
	action TEXT NOT NULL, 
	project TEXT, 
	expression TEXT NOT NULL, 
	spans BIGINT NOT NULL, 
	scores BIGINT NOT NULL, 
	kept BIGINT NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (audit_id)
);

CREATE INDEX ix_audit_time_ns ON audit (time_ns);

CREATE TABLE deleted_spans (
	trace_id TEXT NOT NULL, 
	span_id TEXT NOT NULL, 
	deleted_ns BIGINT NOT NULL, 
	CONSTRAINT pk_deleted_spans PRIMARY KEY (trace_id, span_id)
)
 WITHOUT ROWID

;

CREATE INDEX ix_deleted_spans_deleted_ns ON deleted_spans (deleted_ns);

CREATE TABLE latest_pieces (
	digest INTEGER NOT NULL, 
	rest BIGINT NOT NULL, 
	place BIGINT NOT NULL, 
	CONSTRAINT pk_latest_pieces PRIMARY KEY (digest)
);

CREATE TABLE "review_queues" (
	queue_id TEXT NOT NULL, 
	project TEXT NOT NULL, 
	name TEXT NOT NULL, 
	score_name TEXT NOT NULL, 
	rubric TEXT NOT NULL, 
	policy TEXT NOT NULL, 
	created_ns BIGINT NOT NULL, 
	target TEXT DEFAULT 'one' NOT NULL, 
	reviewers BIGINT DEFAULT 1 NOT NULL, 
	adjudicators TEXT DEFAULT '[]' NOT NULL, 
	blind_adjudication BOOLEAN DEFAULT 1 NOT NULL, 
	lease_s DOUBLE, 
	gold_every BIGINT DEFAULT (10) NOT NULL, 
	rubric_version BIGINT DEFAULT 1 NOT NULL, 
	CONSTRAINT pk_review_queues PRIMARY KEY (queue_id), 
	CONSTRAINT uq_review_queues_project_name UNIQUE (project, name), 
	CONSTRAINT ck_review_queues_target CHECK (target IN ('one', 'mean', 'adjudicated'))
);

CREATE TABLE "review_items" (
	item_id TEXT NOT NULL, 
	queue_id TEXT NOT NULL, 
	project TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	status TEXT NOT NULL, 
	u DOUBLE, 
	p DOUBLE, 
	priority DOUBLE NOT NULL, 
	wave BIGINT NOT NULL, 
	machine TEXT NOT NULL, 
	shown TEXT NOT NULL, 
	run_id TEXT, 
	example_id TEXT, 
	repetition BIGINT, 
	trace_id TEXT, 
	span_id TEXT, 
	created_ns BIGINT NOT NULL, 
	reviewer TEXT, 
	lease_until_ns BIGINT, 
	label TEXT, 
	value DOUBLE, 
	comment TEXT, 
	labelled_ns BIGINT, 
	skipped_by TEXT NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	slots BIGINT DEFAULT 1 NOT NULL, 
	labels BIGINT DEFAULT 0 NOT NULL, 
	gold TEXT, 
	assigned TEXT DEFAULT '[]' NOT NULL, 
	flagged TEXT, 
	CONSTRAINT pk_review_items PRIMARY KEY (item_id), 
	CONSTRAINT ck_review_items_status CHECK (status IN ('held', 'waiting', 'claimed', 'disputed', 'labelled', 'skipped', 'gold'))
);

CREATE INDEX ix_review_items_queue_id_status_priority_item_id ON review_items (queue_id, status, priority, item_id);

CREATE INDEX ix_review_items_trace_id_span_id ON review_items (trace_id, span_id);

CREATE TABLE review_rubrics (
	queue_id TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	rubric TEXT NOT NULL, 
	created_ns BIGINT NOT NULL, 
	author TEXT, 
	CONSTRAINT pk_review_rubrics PRIMARY KEY (queue_id, version)
);

CREATE TABLE review_slots (
	item_id TEXT NOT NULL, 
	slot BIGINT NOT NULL, 
	queue_id TEXT NOT NULL, 
	stage BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	priority DOUBLE NOT NULL, 
	reviewer TEXT, 
	claim_id TEXT, 
	lease_until_ns BIGINT, 
	passed TEXT NOT NULL, 
	assigned TEXT NOT NULL, 
	CONSTRAINT pk_review_slots PRIMARY KEY (item_id, slot), 
	CONSTRAINT ck_review_slots_state CHECK (state IN ('free', 'claimed', 'done')), 
	CONSTRAINT uq_review_slots_item_id_reviewer UNIQUE (item_id, reviewer)
);

CREATE INDEX ix_review_slots_queue_id_state_priority_item_id_slot ON review_slots (queue_id, state, priority, item_id, slot);

CREATE INDEX ix_review_slots_queue_id_reviewer_state ON review_slots (queue_id, reviewer, state);

CREATE TABLE review_claims (
	claim_id TEXT NOT NULL, 
	item_id TEXT NOT NULL, 
	queue_id TEXT NOT NULL, 
	reviewer TEXT NOT NULL, 
	slot BIGINT NOT NULL, 
	stage BIGINT NOT NULL, 
	claimed_ns BIGINT NOT NULL, 
	started_ns BIGINT, 
	ended_ns BIGINT, 
	outcome TEXT NOT NULL, 
	answers TEXT, 
	comment TEXT, 
	CONSTRAINT pk_review_claims PRIMARY KEY (claim_id), 
	CONSTRAINT ck_review_claims_outcome CHECK (outcome IN ('open', 'submitted', 'late', 'skipped', 'released', 'expired', 'undone', 'requeued'))
);

CREATE INDEX ix_review_claims_queue_id_reviewer_outcome ON review_claims (queue_id, reviewer, outcome);

CREATE INDEX ix_review_claims_item_id ON review_claims (item_id);

CREATE TABLE review_labels (
	claim_id TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	item_id TEXT NOT NULL, 
	queue_id TEXT NOT NULL, 
	project TEXT NOT NULL, 
	reviewer TEXT NOT NULL, 
	slot BIGINT NOT NULL, 
	stage BIGINT NOT NULL, 
	rubric_version BIGINT NOT NULL, 
	answers TEXT NOT NULL, 
	label TEXT, 
	value DOUBLE, 
	comment TEXT, 
	claimed_ns BIGINT NOT NULL, 
	started_ns BIGINT NOT NULL, 
	submitted_ns BIGINT NOT NULL, 
	counted BOOLEAN NOT NULL, 
	why TEXT, 
	gold_right BOOLEAN, 
	blind BOOLEAN NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	CONSTRAINT pk_review_labels PRIMARY KEY (claim_id, version), 
	CONSTRAINT ck_review_labels_why CHECK (why IN ('late', 'edited', 'undone', 'requeued', 'gold'))
);

CREATE INDEX ix_review_labels_item_id ON review_labels (item_id);

CREATE INDEX ix_review_labels_queue_id_submitted_ns_claim_id_version ON review_labels (queue_id, submitted_ns, claim_id, version);

CREATE INDEX ix_review_labels_queue_id_reviewer_submitted_ns_claim_id_version ON review_labels (queue_id, reviewer, submitted_ns, claim_id, version);

CREATE TABLE review_comments (
	comment_id TEXT NOT NULL, 
	item_id TEXT NOT NULL, 
	author TEXT NOT NULL, 
	time_ns BIGINT NOT NULL, 
	text TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	CONSTRAINT pk_review_comments PRIMARY KEY (comment_id), 
	CONSTRAINT ck_review_comments_kind CHECK (kind IN ('comment', 'flag', 'unflag', 'skip', 'requeue'))
);

CREATE INDEX ix_review_comments_item_id_time_ns ON review_comments (item_id, time_ns);

CREATE TABLE people (
	name TEXT NOT NULL, 
	role TEXT NOT NULL, 
	created_ns BIGINT NOT NULL, 
	CONSTRAINT pk_people PRIMARY KEY (name)
);

CREATE TABLE credentials (
	digest TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	person TEXT, 
	project TEXT, 
	label TEXT NOT NULL, 
	created_ns BIGINT NOT NULL, 
	expires_ns BIGINT, 
	CONSTRAINT pk_credentials PRIMARY KEY (digest)
);

CREATE INDEX ix_credentials_person ON credentials (person);

CREATE TABLE metric_names (
	project TEXT NOT NULL, 
	name TEXT NOT NULL, 
	runs BIGINT NOT NULL, 
	CONSTRAINT pk_metric_names PRIMARY KEY (project, name)
)
 WITHOUT ROWID

;

CREATE TABLE "chunks" (
	series_id BIGINT NOT NULL, 
	first_step BIGINT NOT NULL, 
	last_step BIGINT NOT NULL, 
	first_ns BIGINT NOT NULL, 
	last_ns BIGINT NOT NULL, 
	points BIGINT NOT NULL, 
	minimum DOUBLE, 
	maximum DOUBLE, 
	last DOUBLE, 
	outline BLOB NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_chunks PRIMARY KEY (series_id, first_step)
);

CREATE INDEX ix_runs_listing ON runs (project, started_at_ns, run_id, kind, status, writer, ended_at_ns, exit_code, parent_run_id);

CREATE TABLE run_paths (
	path_id INTEGER NOT NULL, 
	project TEXT NOT NULL, 
	path TEXT NOT NULL, 
	CONSTRAINT pk_run_paths PRIMARY KEY (path_id), 
	CONSTRAINT uq_run_paths_project_path UNIQUE (project, path)
);

CREATE TABLE run_fields (
	path_id BIGINT NOT NULL, 
	run_id TEXT NOT NULL, 
	number DOUBLE, 
	text TEXT, 
	CONSTRAINT pk_run_fields PRIMARY KEY (path_id, run_id)
)
 WITHOUT ROWID

;

CREATE TABLE alerts (
	alert_id TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	project TEXT NOT NULL, 
	time_ns BIGINT NOT NULL, 
	title TEXT NOT NULL, 
	text TEXT NOT NULL, 
	level TEXT NOT NULL, 
	posted_ns BIGINT, 
	CONSTRAINT pk_alerts PRIMARY KEY (alert_id), 
	CONSTRAINT ck_alerts_level CHECK (level IN ('INFO', 'WARN', 'ERROR'))
);

CREATE INDEX ix_alerts_run_id_time_ns ON alerts (run_id, time_ns);

CREATE INDEX ix_alerts_project_time_ns ON alerts (project, time_ns);

CREATE TABLE logged_names (
	logged_id INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	source TEXT NOT NULL, 
	CONSTRAINT pk_logged_names PRIMARY KEY (logged_id), 
	CONSTRAINT uq_logged_names_run_id_name_source UNIQUE (run_id, name, source)
);

CREATE TABLE logged_values (
	logged_id BIGINT NOT NULL, 
	step BIGINT NOT NULL, 
	project TEXT NOT NULL, 
	time_ns BIGINT NOT NULL, 
	writer TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_logged_values PRIMARY KEY (logged_id, step)
);

CREATE TABLE media_parts (
	upload TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	created_ns BIGINT NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_media_parts PRIMARY KEY (upload, number)
);

CREATE TABLE "artifacts" (
	project TEXT NOT NULL, 
	name TEXT NOT NULL, 
	type TEXT NOT NULL, 
	created_ns BIGINT NOT NULL, 
	versions BIGINT DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_artifacts PRIMARY KEY (project, name)
);

CREATE TABLE "artifact_versions" (
	project TEXT NOT NULL, 
	name TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	digest TEXT NOT NULL, 
	created_ns BIGINT NOT NULL, 
	description TEXT, 
	metadata TEXT NOT NULL, 
	files TEXT NOT NULL, 
	examples BIGINT NOT NULL, 
	run_id TEXT, 
	tags TEXT DEFAULT '[]' NOT NULL, 
	expires_ns BIGINT, 
	file_count BIGINT DEFAULT 0 NOT NULL, 
	size_bytes BIGINT DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_artifact_versions PRIMARY KEY (project, name, version), 
	CONSTRAINT uq_artifact_versions_project_name_digest UNIQUE (project, name, digest)
);

CREATE INDEX ix_artifact_versions_run_id ON artifact_versions (run_id);

CREATE INDEX ix_artifact_versions_expires_ns ON artifact_versions (expires_ns) WHERE expires_ns IS NOT NULL;

CREATE INDEX ix_blobs_files ON blobs (project, size_bytes) WHERE encoding = 'file';

CREATE TABLE "edges" (
	project TEXT NOT NULL, 
	source_kind TEXT NOT NULL, 
	source TEXT NOT NULL, 
	relation TEXT NOT NULL, 
	target_kind TEXT NOT NULL, 
	target TEXT NOT NULL, 
	time_ns BIGINT NOT NULL, 
	CONSTRAINT pk_edges PRIMARY KEY (project, source_kind, source, relation, target_kind, target), 
	CONSTRAINT ck_edges_source_kind CHECK (source_kind IN ('run', 'artifact', 'span', 'trace', 'queue', 'deployment', 'registry')), 
	CONSTRAINT ck_edges_target_kind CHECK (target_kind IN ('run', 'artifact', 'span', 'trace', 'queue', 'deployment', 'registry'))
);

CREATE INDEX ix_edges_project_target_kind_target ON edges (project, target_kind, target);

CREATE TABLE registered (
	name TEXT NOT NULL, 
	type TEXT NOT NULL, 
	description TEXT, 
	stages TEXT NOT NULL, 
	checks TEXT NOT NULL, 
	created_ns BIGINT NOT NULL, 
	created_by TEXT NOT NULL, 
	CONSTRAINT pk_registered PRIMARY KEY (name)
);

CREATE TABLE registry_versions (
	name TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	project TEXT NOT NULL, 
	artifact TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	created_ns BIGINT NOT NULL, 
	created_by TEXT NOT NULL, 
	stage TEXT, 
	staged_ns BIGINT, 
	note TEXT, 
	CONSTRAINT pk_registry_versions PRIMARY KEY (name, version), 
	CONSTRAINT uq_registry_versions_name_project_artifact_number UNIQUE (name, project, artifact, number)
);

CREATE INDEX ix_registry_versions_project_artifact_number ON registry_versions (project, artifact, number);

CREATE TABLE registry_aliases (
	name TEXT NOT NULL, 
	alias TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	CONSTRAINT pk_registry_aliases PRIMARY KEY (name, alias)
);

CREATE TABLE registry_events (
	name TEXT NOT NULL, 
	sequence BIGINT NOT NULL, 
	time_ns BIGINT NOT NULL, 
	action TEXT NOT NULL, 
	author TEXT NOT NULL, 
	version BIGINT, 
	subject TEXT, 
	"before" TEXT, 
	passed BOOLEAN, 
	reason TEXT, 
	run_id TEXT, 
	evidence TEXT NOT NULL, 
	overridden TEXT NOT NULL, 
	CONSTRAINT pk_registry_events PRIMARY KEY (name, sequence), 
	CONSTRAINT ck_registry_events_action CHECK (action IN ('created', 'changed', 'linked', 'promoted', 'rolled back', 'displaced', 'unstaged', 'aliased', 'checked', 'approved'))
);

CREATE INDEX ix_registry_events_time_ns ON registry_events (time_ns);

CREATE TABLE hooks (
	hook_id TEXT NOT NULL, 
	url TEXT NOT NULL, 
	secret TEXT NOT NULL, 
	name TEXT, 
	actions TEXT NOT NULL, 
	created_ns BIGINT NOT NULL, 
	created_by TEXT NOT NULL, 
	CONSTRAINT pk_hooks PRIMARY KEY (hook_id)
);

CREATE TABLE hook_deliveries (
	delivery_id TEXT NOT NULL, 
	hook_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	sequence BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	due_ns BIGINT NOT NULL, 
	attempts TEXT NOT NULL, 
	CONSTRAINT pk_hook_deliveries PRIMARY KEY (delivery_id), 
	CONSTRAINT ck_hook_deliveries_state CHECK (state IN ('pending', 'delivered', 'failed'))
);

CREATE INDEX ix_hook_deliveries_state_due_ns ON hook_deliveries (state, due_ns);

CREATE INDEX ix_hook_deliveries_hook_id_due_ns ON hook_deliveries (hook_id, due_ns);

CREATE TRIGGER registry_events_no_update BEFORE UPDATE ON registry_events BEGIN SELECT RAISE(ABORT, 'The log of the registry is never changed'); END;

CREATE TRIGGER registry_events_no_delete BEFORE DELETE ON registry_events BEGIN SELECT RAISE(ABORT, 'The log of the registry is never changed'); END;

CREATE TABLE views (
	view_id TEXT NOT NULL, 
	project TEXT NOT NULL, 
	page TEXT NOT NULL, 
	name TEXT NOT NULL, 
	content TEXT NOT NULL, 
	author TEXT, 
	updated_ns BIGINT NOT NULL, 
	CONSTRAINT pk_views PRIMARY KEY (view_id)
);

CREATE INDEX ix_views_project ON views (project);

CREATE TABLE sweeps (
	sweep_id TEXT NOT NULL, 
	project TEXT NOT NULL, 
	name TEXT NOT NULL, 
	config TEXT NOT NULL, 
	status TEXT NOT NULL, 
	author TEXT, 
	created_ns BIGINT NOT NULL, 
	changed_ns BIGINT NOT NULL, 
	CONSTRAINT pk_sweeps PRIMARY KEY (sweep_id), 
	CONSTRAINT ck_sweeps_status CHECK (status IN ('running', 'paused', 'stopped', 'finished', 'canceled'))
);

CREATE INDEX ix_sweeps_project_created_ns ON sweeps (project, created_ns);

CREATE TABLE trials (
	sweep_id TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	status TEXT NOT NULL, 
	params TEXT NOT NULL, 
	results TEXT, 
	value DOUBLE, 
	run_id TEXT, 
	agent TEXT, 
	host TEXT, 
	lease_until_ns BIGINT, 
	attempts BIGINT NOT NULL, 
	reason TEXT, 
	attrs TEXT NOT NULL, 
	known BOOLEAN NOT NULL, 
	started_ns BIGINT NOT NULL, 
	ended_ns BIGINT, 
	changed_ns BIGINT NOT NULL, 
	CONSTRAINT pk_trials PRIMARY KEY (sweep_id, number), 
	CONSTRAINT ck_trials_status CHECK (status IN ('running', 'complete', 'pruned', 'failed', 'canceled'))
);

CREATE INDEX ix_trials_sweep_id_status_value ON trials (sweep_id, status, value);

CREATE INDEX ix_trials_sweep_id_changed_ns ON trials (sweep_id, changed_ns);

CREATE INDEX ix_trials_run_id ON trials (run_id);

CREATE INDEX ix_console_listing ON console (run_id, time_ns, source, first, stream, size);

INSERT INTO alembic_version VALUES ('0017');

