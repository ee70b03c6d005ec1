# Everything a reader or a developer types. `make` alone lists it.

staticcheck = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2

# The race detector needs a C compiler; `make test RACE=` does without both.
RACE = -race

# How long `make fuzz` gives each fuzz target.
FUZZTIME = 20s

# How long `make soak` runs.
MINUTES = 5

.PHONY: help
help:
	@awk -F ':.*## ' '/^[a-z].*:.*## / { printf "make %-26s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## start the example control plane and its endpoint
	@echo "open http://localhost:3000/ for the control plane, http://localhost:2112/ for its metrics; Ctrl-C stops"
	@trap 'exit 0' INT; go run ./examples/coderd --prometheus-enable

.PHONY: build
build: ## build the service, bin/otelcoder
	CGO_ENABLED=0 go build -trimpath -o bin/otelcoder ./cmd/otelcoder

# The slowest package comes first, so that the others run beside it. Many tests
# wait, for a takeover or a time-out: more of them than there are CPUs run at a time.
.PHONY: test
test: ## run the tests of the module, and those of e2e/ that start no server (5 minutes)
	@.ci/need $(if $(RACE),gcc) postgresql pgbouncer procps
	go test $(RACE) -parallel 4 ./meters/coderdb ./...
	go -C e2e test ./bench/... ./helm ./invariant

.PHONY: e2e
e2e: ## run every end-to-end test, with a real Prometheus, collector and PostgreSQL (10 minutes)
	@.ci/need postgresql procps curl
	go -C e2e test -p 1 -timeout 30m ./...

.PHONY: test-browser
test-browser: ## let Chromium read the endpoint and the status page
	@.ci/need chromium
	go -C e2e test -tags browser -run TestBrowser . ./statuspage

.PHONY: docs/status-page.png
docs/status-page.png: ## take the README's picture of the status page
	@.ci/need chromium
	go -C e2e test -tags browser -run TestBrowserStates ./statuspage
	cp bin/screenshots/healthy.png $@

.PHONY: lint
lint: ## check format, code and the recorded API
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted, run gofmt -w on:" $$unformatted; exit 1; }
	go vet ./...
	go -C e2e vet ./...
	go run ./internal/apirecord -check
	$(staticcheck) ./...
	cd e2e && $(staticcheck) ./...

.PHONY: lint-more
lint-more: ## run the linters of .golangci.yaml (builds golangci-lint for minutes once)
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run ./...

.PHONY: api
api: ## record the exported API, after a change that is intended
	go run ./internal/apirecord

.PHONY: lint-security
lint-security: ## look for weaknesses with gosec (builds it for some minutes once)
	go run github.com/securego/gosec/v2/cmd/gosec@v2.30.0 -quiet -exclude=G104 \
		-exclude-dir=examples -exclude-dir=e2e -exclude-dir=internal/pgtest ./...

.PHONY: bench
bench: ## compare speed and memory with peers (15 minutes)
	@mkdir -p bin
	@{ $(compare) -bench 'Middleware' -benchtime 0.15s -count 7; \
	   $(compare) -bench 'Scrape|Everything' -benchtime 0.1s -count 3; \
	   $(compare) -bench 'Memory' -benchtime 1x; } | tee bin/bench.txt | go -C e2e run ./bench/ratios
	@$(benchstat) bin/bench.txt

.PHONY: bench-large
bench-large: ## compare them at up to 1,000,000 series (30 minutes, 8 GB)
	@mkdir -p bin
	@{ export OTELCODER_BENCH_LARGE=1; \
	   $(compare) -bench 'Scrape$$|Everything' -benchtime 0.1s -count 2; \
	   $(compare) -bench 'Memory' -benchtime 1x -count 3; } | tee bin/bench-large.txt | go -C e2e run ./bench/ratios
	@$(benchstat) bin/bench-large.txt

.PHONY: bench-check
bench-check: ## compare the allocations of the hot paths with the recorded ones
	go -C e2e test ./bench -run TestAllocations -count 1

.PHONY: bench-record
bench-record: ## record the allocations of the hot paths, after a change that is intended
	go -C e2e test ./bench -run TestAllocations -count 1 -record

# The deployments of `make bench-deployment`, in workspaces, and the edition of metrics.
SIZES = 1000,10000,100000
METRIC_NAMES = documented

.PHONY: bench-deployment
bench-deployment: ## measure the service beside deployments of SIZES workspaces (12 minutes, 4 GB of disk)
	@.ci/need postgresql
	go -C e2e test ./deployment -v -count 1 -timeout 0 -interval 1m -sizes $(SIZES) -metric-names $(METRIC_NAMES)

benchstat = go run golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da -col '/by@(otelcoder client_golang otelhttp VictoriaMetrics)' \
	-filter '.unit:(added-ns/op OR added-cpu-ns/op OR cpu-ns/op OR allocs/op OR peak-rss-B)'

compare = go -C e2e test ./bench -run '^$$' -timeout 2h

.PHONY: soak
soak: ## run for MINUTES (5) under load and faults; let strangers do their worst for one
	go -C e2e test ./endurance -v -timeout 0 -soak $(MINUTES)m -hostile 60s

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (20s)
	@.ci/fuzz $(FUZZTIME)

.PHONY: docs docs/admin/prometheus.md
docs docs/admin/prometheus.md: ## write the generated parts of the pages
	@go test ./cmd/otelcoder -run TestPages -update

# promtool is built in its own module, whose replacements no other module may use.
.PHONY: bin/promtool
bin/promtool:
	@GOWORK=off go -C "$$(go -C e2e list -m -f '{{.Dir}}' github.com/prometheus/prometheus)" build -o "$(CURDIR)/$@" ./cmd/promtool

.PHONY: check-rules
check-rules: bin/promtool ## have promtool check what examples/prometheus ships (builds it for 5 minutes once)
	bin/promtool check config examples/prometheus/*/prometheus.yml
	bin/promtool check rules examples/prometheus/rules/*.yaml
	bin/promtool test rules examples/prometheus/tests/*.yaml

helm = go run helm.sh/helm/v3/cmd/helm@v3.22.0

.PHONY: check-chart
check-chart: ## have helm itself lint and render the chart (builds it for 3 minutes once)
	@set -e; for values in helm/otelcoder/ci/*-values.yaml; do \
		echo "== $$values"; \
		$(helm) lint --strict helm/otelcoder --values $$values; \
		$(helm) template otelcoder helm/otelcoder --namespace coder --kube-version 1.37.0 --values $$values >/dev/null; \
	done

.PHONY: chart
chart: ## package the chart as VERSION, such as 1.2.3, below bin/release
	@rm -rf bin/release
	@$(helm) package helm/otelcoder --version "$(VERSION)" --app-version "$(VERSION)" --destination bin/release

goreleaser = go run github.com/goreleaser/goreleaser/v2@v2.17.0

.PHONY: check-release
check-release: ## have goreleaser check its configuration (builds it for minutes once)
	$(goreleaser) check

.PHONY: release-dry-run
release-dry-run: ## make a release below bin/dist, and publish nothing
	$(goreleaser) release --snapshot --clean

.PHONY: release
release: ## publish the release whose tag is checked out, as CI does
	@mkdir -p bin
	@tag=$$(git describe --exact-match --tags) && .ci/notes "$${tag#v}" >bin/notes.md
	$(goreleaser) release --clean --release-notes bin/notes.md
	@tag=$$(git describe --exact-match --tags) && .ci/image "$${tag#v}" push

.PHONY: rules
rules: ## print the rules with the prometheusRule of the chart's values in file VALUES
	@test -n "$(VALUES)" || { echo 'give a file: make rules VALUES=values.yaml >rules.yaml'; exit 2; }
	@go -C e2e run ./alerts "$(abspath $(VALUES))"

.PHONY: dashboards
dashboards: ## write the dashboards, and what the chart has of examples
	@go -C e2e run ./dashboards

.PHONY: check-docs
check-docs: ## check that the dashboards and the generated parts of the pages are up to date
	@go -C e2e test ./dashboards -run TestFresh
	@go test ./cmd/otelcoder -run TestPages
