# Variables: FUZZTIME=30s per fuzz target, NETPOLL=latest for netpoll-next, BENCH= and TEST= for further flags.
FUZZTIME ?= 30s
NETPOLL ?= latest
# What the race detector runs: all but the checks of the tree itself, which have no second goroutine.
CONCURRENT = $$(go list ./... | grep -v /internal/lint)
# What has checks against real clients and peers.
INTEROP = ./interop ./transports/proxy ./protocols/http1/auth ./protocols/http1/dashboard ./protocols/tftp ./cmd/relay
TOOL = go tool -modfile=internal/tools/go.mod

.PHONY: help test race portable lint fmt fuzz bench idle interop soak netpoll-next api cover

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

test: ## run every test, on the engine of this system
	go test -shuffle=on $(TEST) ./...

portable: ## run every test on the portable engine
	go test -shuffle=on -tags portable $(TEST) ./...

race: ## run every test under the race detector, on both engines
	go test -race -shuffle=on $(TEST) $(CONCURRENT)
	go test -race -shuffle=on -tags portable $(TEST) $(CONCURRENT)

lint: ## gofumpt, vet, staticcheck, tidy modules, and builds for other systems
	@bash internal/tools/lint.sh

fmt: ## format the code with gofumpt
	$(TOOL) gofumpt -w .

fuzz: ## run each fuzz target for FUZZTIME
	@bash internal/tools/fuzz.sh $(FUZZTIME)

bench: ## compare HTTP servers side by side (needs wrk and gcc)
	go run ./bench/cmd/bench -require-ours $(BENCH)

idle: ## measure the memory of 15,000 idle connections
	go run ./bench/cmd/bench -scenario idle -require-ours $(BENCH)

interop: ## run what is served against real clients and peers (needs curl, wrk, h2load, nc, ab, slowhttptest, openssl, haproxy, chromium, node, npm)
	go test -tags interop -count=1 -v $(TEST) $(INTEROP)
	cd protocols/http1/acme/pebble && go test -count=1 -v $(TEST) .
	cd protocols/websocket/peers && go test -count=1 -v $(TEST) .

soak: ## run the tests and the interoperability checks at their full sizes
	CALANDRIA_SOAK=1 go test -count=1 -timeout 2h $(TEST) ./...
	CALANDRIA_SOAK=1 go test -tags interop -count=1 -timeout 2h -v $(TEST) $(INTEROP)

netpoll-next: ## run the reactor's tests with another netpoll, NETPOLL=version
	@bash internal/tools/netpoll-next.sh $(NETPOLL)

api: ## write the snapshots of the exported API anew
	UPDATE_API=1 go test -count=1 -run TestProjectAPI ./internal/lint

cover: ## measure test coverage
	go test -coverpkg=./reactor/...,./transports/...,./protocols/... -coverprofile=cover.out $(TEST) ./...
	go tool cover -func=cover.out
