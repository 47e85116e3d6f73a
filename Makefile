# Everything here runs with Go and git alone, but for windows (wine).
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS  = -s -w -buildid= -X main.version=$(VERSION) -X main.commit=$(COMMIT)
GOBUILD  = CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)'
TARGETS  = windows/amd64 linux/amd64 linux/arm64
FUZZTIME ?= 30s
CORPORA ?= ../shared/corpora
BENCHFLAGS ?=

.PHONY: build test race lint fuzz bench gobench windows reproducible clean

build: ## static binaries for every target in dist/
	@for t in $(TARGETS); do \
	  os=$${t%/*}; arch=$${t#*/}; ext=; [ $$os = windows ] && ext=.exe; \
	  echo "dist/postern-$$os-$$arch$$ext"; \
	  GOOS=$$os GOARCH=$$arch $(GOBUILD) -o dist/postern-$$os-$$arch$$ext ./cmd/postern || exit 1; \
	done

test: ## what the README says
	go test ./...

race:
	go test -race -shuffle=on ./...

lint: ## golangci-lint, pinned in tools/go.mod
	go vet ./...
	GOOS=windows go vet ./...
	go tool -modfile=tools/go.mod golangci-lint run ./...

fuzz: ## every fuzz target for FUZZTIME
	@grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u | while read -r pkg; do \
	  .ci/fuzz $$pkg all $(FUZZTIME) || exit 1; \
	done

bench: bench-web bench-evtx bench-windows ## postern against other tools in PATH, same input: BENCHFLAGS='-mib 64 -runs 1'

bench-%: ## one section: web, evtx, windows, yara, memory, linear; bench/main.go says what each measures
	@mkdir -p dist/bench
	@$(GOBUILD) -o dist/bench/postern ./cmd/postern
	@$(GOBUILD) -o dist/bench/bench ./bench
	@dist/bench/bench -postern dist/bench/postern -corpora $(CORPORA) $(BENCHFLAGS) $*

gobench: ## the packages' own benchmarks: parse and detect
	go test -run '^$$' -bench . -benchmem ./...

windows: ## the Windows binary under wine: start, files, registry
	.ci/wine

reproducible: ## two builds, same bytes
	@$(MAKE) -s build && sha256sum dist/postern-* > dist/first.sum && $(MAKE) -s build && sha256sum -c dist/first.sum

clean:
	rm -rf dist
