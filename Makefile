# What can be done here: make help

# Where make serve listens; port 0 picks a free one.
ADDR = 127.0.0.1:8080

# Where the output of make dist will be found, with a slash at its end; it may stay
# unknown, but for the card that other sites show of a link to it.
URL =

# How many bytes the page may take before it trains, with Brotli.
BUDGET = 1200000

# How much of CIFAR-10 make data takes.
TRAIN = 5000
VALIDATION = 1000

# How long make fuzz spends on each of its targets.
FUZZTIME = 1m

# How long make soak lasts.
MINUTES = 30

# Packages whose tests run in WebAssembly too: in Node, or in Chromium, which
# knows all SIMD instructions.
WASM_NODE = ./nn/... ./data/...
WASM_BROWSER = ./wasm/...

GOROOT := $(shell go env GOROOT)
WASM := GOOS=js GOARCH=wasm
SITE := build/site

# Without inlining the program is a seventh smaller to download, and no slower: its
# time goes into the kernels, or into functions that the browser has yet to compile.
# What works on pixels and numbers keeps it.
LEAN := -gcflags=all=-l -gcflags=sae/nn/...= -gcflags=sae/data= -gcflags=math/...=

# What the program is built from. Folders are among it, since a folder's time
# changes when a file in it comes or goes; the slash tells data/ from make data.
PROGRAM := go.mod go.sum $(shell find nn/ data/ wasm/ web/ \
	\( -path web/static -o -path web/echarts -o -name testdata \) -prune -o \
	-not -name '*_test.go' -not -name '*.sae' -print)
COMPONENTS := $(wildcard web/ui/*.vugu)
GENERATED := $(COMPONENTS:.vugu=_gen.go)
STATIC := $(patsubst web/static/%,$(SITE)/%,$(shell find web/static -type f))
DATASET := $(wildcard data/cifar10.sae)

SITE_FILES := $(STATIC) $(SITE)/sae.wasm $(SITE)/wasm_exec.js $(SITE)/echarts.js $(SITE)/renderer.js \
	$(SITE)/data/index.json $(DATASET:%=$(SITE)/%)
# What an earlier build put there and this one would not.
LEFTOVER := $(filter-out $(SITE_FILES),$(shell find $(SITE) -type f 2>/dev/null))

# The Go tool and esbuild use all cores by themselves, and the steps of a test
# are ordered: what fails fast comes first.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help build serve data train test fuzz soak golden bench check dist size pictures clean generate \
	vet formatted generated test-go test-fuzz test-wasm test-page FORCE

help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(SITE_FILES) build/bin/serve ## build the site in build/site
	$(if $(LEFTOVER),rm -f $(LEFTOVER))

serve: build ## build the site and serve it; ADDR=127.0.0.1:8099 chooses where
	@build/bin/serve -addr $(ADDR) -dir $(SITE)

data: ## find or download CIFAR-10 and convert a part of it for the page
	archive=$$(go run ./tools/fetch) && \
	go run ./tools/convert -train $(TRAIN) -val $(VALIDATION) -o data/cifar10.sae "$$archive"

train: $(SITE)/echarts.js $(SITE)/style.css ## train natively; ARGS='-experiment 3 -report report.html' says how, ARGS=-help what there is
	go run ./tools/train $(ARGS)

test: formatted generated vet test-go test-fuzz test-wasm test-page ## run all tests, natively, in WebAssembly and in browsers

fuzz: ## feed random input to all that reads files, links and messages; FUZZTIME=1m each
	tools/fuzz $(FUZZTIME)

soak: build ## use the page at random for MINUTES=30, and watch its memory
	tools/need chromium
	go test -count=1 -v -timeout 3h -run TestSoak ./e2e -soak $(MINUTES)m

golden: build/bin/wasmexec ## print how far each kernel is from the reference traces
	tools/need node chromium
	@{ go test -count=1 -v -run TestGoldenTraces ./nn && \
	  $(WASM) go test -count=1 -v -run TestGoldenTraces -exec $(GOROOT)/lib/wasm/go_js_wasm_exec ./nn && \
	  $(WASM) go test -count=1 -v -run TestGoldenTraces -exec $(CURDIR)/build/bin/wasmexec ./wasm/simd; } | \
	  sed -n 's/.*golden: //p; /^--- FAIL/p; /SKIP/p'

bench: dist build/bin/wasmexec ## measure the speed of training, of reading data and of opening the page, natively and in Chromium
	tools/need chromium
	go test -run '^$$' -bench . -benchtime 200ms ./nn/...
	go test -run '^$$' -bench 'Read|Write' ./data
	$(WASM) go test -run '^$$' -bench 'Read|Write' -exec $(CURDIR)/build/bin/wasmexec ./data
	go test -run '^$$' -bench . -benchtime 1x ./e2e

# Ends with a clean working tree or fails: what is checked is what is committed.
check: formatted generated vet ## check what a commit has to meet besides the tests
	go mod verify
	go mod tidy -diff
	tools/audit
	@test -z "$$(git status --porcelain)" || { git status --short; echo "check: not committed: see above"; exit 1; }

dist: build build/bin/dist ## put the site in dist, for any static host and any path on it; URL=https://HOST/PATH/ says where it will be
	build/bin/dist -site $(SITE) -o dist -url '$(URL)'

size: build build/bin/dist ## put the site in dist and fail where training takes more than the budget of bytes
	build/bin/dist -site $(SITE) -o dist -url '$(URL)' -budget $(BUDGET)

pictures: build ## draw the icons and the card of a link to the page anew
	tools/need chromium
	go test -count=1 -run TestPictures ./e2e -update

clean: ## remove all that was built or installed here; data stay
	rm -rf build dist node_modules

generate: ## make the Go files of the .vugu components
	tools/generate

# The site.

# One run makes all of them; the times of those that did not change move too.
$(GENERATED) &: $(COMPONENTS)
	tools/generate

$(SITE)/sae.wasm: $(PROGRAM) $(GENERATED) build/go-version
	$(WASM) go build -trimpath -buildvcs=false $(LEAN) -ldflags='-s -w' -o $@ ./wasm

$(SITE)/wasm_exec.js: $(GOROOT)/lib/wasm/wasm_exec.js build/go-version
	install -D -m 644 $< $@

$(SITE)/echarts.js: web/echarts/index.js node_modules/.package-lock.json
	node_modules/.bin/esbuild $< --bundle --minify --log-level=warning --outfile=$@

# vugu's part in JavaScript as a script of its own, so that the page's policy can
# forbid to evaluate any; without its lines for debugging, as in the program.
$(SITE)/renderer.js: go.mod node_modules/.package-lock.json
	@mkdir -p $(@D)
	sed '/^ *\/\*DEBUG/d' $$(go list -m -f '{{.Dir}}' github.com/vugu/vugu)/domrender/renderer-js-script.js | \
	node_modules/.bin/esbuild --minify --log-level=warning >$@

# Tells the page which data sets lie beside it, so that it need not try.
$(SITE)/data/index.json: data/
	@mkdir -p $(@D)
	echo '{"datasets":[$(DATASET:data/%="%")]}' >$@

$(SITE)/data/%: data/%
	install -D -m 644 $< $@

$(SITE)/%: web/static/%
	install -D -m 644 $< $@

# Changes only with the compiler: wasm_exec.js has to be that of the compiler
# that made sae.wasm, and an upgrade brings files that are older than the build.
build/go-version: FORCE
	@mkdir -p $(@D)
	@go version | cmp -s - $@ || go version >$@

# npm writes this file last, so that it stands for a complete installation.
node_modules/.package-lock.json: package.json package-lock.json
	tools/need node
	npm ci --ignore-scripts --no-audit --no-fund

build/bin/serve build/bin/dist: build/bin/%: go.mod go.sum build/go-version
	go build -o $@ ./tools/$*

build/bin/serve: $(wildcard tools/serve tools/serve/*)
build/bin/dist: $(wildcard tools/dist tools/dist/*)

# The steps of test and check.

vet:
	go vet ./...
	$(WASM) go vet ./nn/... ./data/... ./web/... ./wasm/...

formatted:
	@unformatted=$$(gofmt -l $(filter-out build/ dist/ node_modules/,$(wildcard */))); \
	test -z "$$unformatted" || { echo "not formatted; run gofmt -w on:" $$unformatted; exit 1; }

generated:
	tools/generate -check

test-go:
	tools/need gcc
	go test -race $$(go list ./... | grep -v '/e2e$$')

test-fuzz:
	tools/fuzz 200x

test-wasm: build/bin/wasmexec
	tools/need node chromium
	$(WASM) go test -exec $(GOROOT)/lib/wasm/go_js_wasm_exec $(WASM_NODE)
	$(WASM) go test -exec $(CURDIR)/build/bin/wasmexec $(WASM_BROWSER)

build/bin/wasmexec: $(wildcard tools/wasmexec/*) go.mod go.sum build/go-version
	go build -o $@ ./tools/wasmexec

# -count=1: the go tool does not see that the site has changed. The timeout has
# room for three experiments of five epochs on kernels of plain Go.
test-page: build build/bin/dist
	tools/need chromium
	tools/need firefox webkit || true # their tests say that they are skipped
	go test -count=1 -timeout 20m ./e2e/...
