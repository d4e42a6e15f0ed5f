# make            lists the targets
# make experiments and make test set up what they need

SHELL   := /bin/bash
BIN     := bin/raftzab
GO      ?= go
SEEDS   ?= 20000
FUZZTIME ?= 20s
TIER    ?= quick
OUT     ?= results$(if $(filter quick,$(TIER)),/quick)
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN): FORCE
	@$(GO) build -trimpath -buildvcs=false -o $@ ./cmd/raftzab # its sum then tells whether code has changed

experiments: setup $(BIN) ## what has not been run: TIER=quick into results/quick, nine minutes, or full into results, hours
	@$(BIN) run --tier $(TIER) --out $(OUT) experiments/*.toml
	@$(BIN) report $(OUT)

test: setup ## run all tests
	@$(GO) test ./...

figures: $(BIN) ## draw the figures again from the data in results/
	@$(BIN) plot

report: $(BIN) ## write results/report.html, one page of all results, and results/CLAIMS.md
	@$(BIN) report

paper: figures ## a LaTeX document of all figures, verdicts and numbers, in results/paper
	@$(BIN) paper

golden: ## rewrite golden files and show what changed
	$(GO) test ./raft ./zab ./protocols/protocoltest -run Conversation -rewrite
	$(GO) test ./results ./experiments ./plots ./bench/trace -update
	git diff --stat

bench: ## events and elections per second and core, allocations per event
	GOGC=400 $(GO) test ./bench/run ./bench/sim -run '^$$' -bench . -benchmem -cpu 1

swarm: $(BIN) ## random runs until an invariant breaks (SEEDS=20000)
	@$(BIN) swarm -n $(SEEDS)

bugs: ## plant every bug of the zoo and demand that the swarm finds it
	@$(GO) run ./bench/swarm/bugs

verify: $(BIN) ## run a sample of the committed results again and compare, byte by byte, 4 minutes; raftzab verify --all has all
	@$(BIN) verify

theory: ## split votes against theory, Zab's rounds, Raft against etcd: 20000 and 10000 elections a cell
	$(GO) test ./experiments -run 'SplitVotes' -elections 20000 -v -timeout 30m
	$(GO) test ./experiments -run 'ZabElects|RaftAgrees' -elections 10000 -v -timeout 30m

live: setup ## the live systems in full: kills, load, measurements of the switch
	$(GO) test ./bench/live/lan -run Measure -measure -v -timeout 10m
	$(GO) test ./bench/run -run NothingIsLostToKills -kills 200 -v -timeout 30m
	$(GO) test ./bench/run -run TestLoad -warm 30s -load 8s -rounds 5 -v -timeout 30m

race: ## tests of all that has goroutines, with the race detector
	$(GO) test -race ./bench/live/... ./bench/run ./bench/baseline/... ./results ./cmd/raftzab -timeout 30m

fuzz: ## every fuzz target for FUZZTIME=20s
	@$(GO) list -f '{{.Dir}}' ./... | xargs grep -Hso '^func Fuzz[A-Za-z0-9_]*' --include='*_test.go' -r | sort -u | \
	while IFS=: read -r file name; do echo "$${name#func } of $$(dirname "$$file")"; \
		$(GO) test "$$(dirname "$$file")" -run '^$$' -fuzz "^$${name#func }$$" -fuzztime $(FUZZTIME) || exit 1; done

lint: ## gofmt, vet for Linux, macOS and Windows, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'run: gofmt -w .'; exit 1; }
	@for os in linux darwin windows; do GOOS=$$os $(GO) vet ./... || exit 1; done
	@$(GO) tool staticcheck ./...

ci: lint test ## what .ci/run calls
	@$(MAKE) --no-print-directory smoke

# smoke runs the experiments with a few trials, as a newcomer would, elsewhere.
smoke: $(BIN)
	@out=$$(mktemp -d) && trap 'rm -rf "$$out"' EXIT && $(BIN) run experiments/election-latency.toml --trials 20 --out "$$out" && \
		$(BIN) run experiments/live-failover.toml --tier quick --trials 2 --out "$$out" && ls "$$out"/*/figures

setup: ## Go modules; Java and ZooKeeper where that can be done
	@$(GO) mod download
	@if command -v java >/dev/null && { [ -n "$$ZOOKEEPER_HOME" ] || [ -e /usr/share/java/zookeeper.jar ]; }; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo 'installing ZooKeeper and Java with apt-get'; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends zookeeper default-jre-headless; } >/dev/null || \
			echo 'apt-get failed: going on without ZooKeeper'; \
	else \
		echo 'ZooKeeper is not here; the rest goes on without it. To have it: sudo apt-get install zookeeper default-jre-headless,'; \
		echo 'or unpack an Apache ZooKeeper tarball, set ZOOKEEPER_HOME to it, and have java on the PATH.'; \
	fi

clean: ## remove what was built
	rm -rf bin

FORCE:
.PHONY: help experiments test figures report paper golden bench swarm bugs race fuzz lint ci smoke setup verify theory live clean FORCE
