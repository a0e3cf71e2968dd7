# The commands of everyday work. Each does its own set-up: on a bare Debian 12 "make up" or "make test" is enough.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

# The manifest that up, deploy and down act on.
COMPOSE ?= examples/shop/compose.yaml
# Where "make install" puts the program.
PREFIX ?= /usr/local
DESTDIR ?=
# Seconds that "make fuzz" gives each fuzz target.
FUZZ_SECONDS ?= 60
# Seconds that "make soak" takes.
SOAK_SECONDS ?= 600
# Tests that run side by side; more than two disturb the ones that measure.
TEST_JOBS ?= 2

SHORE := build/shore
# A test that fails is run once more, and its first failure stays in the output: many of them kill processes and measure
# under load, on machines that others share. What fails twice has failed.
CTEST := ctest --output-on-failure --no-tests=error --repeat until-pass:2 -j$(TEST_JOBS)

.PHONY: deps build up up-pro down down-pro deploy test test-asan test-tsan bench fuzz soak lint format clean install package help

deps: ## install what is missing of Debian and npm packages
	@scripts/bootstrap

build: ## build the program: build/shore
	@scripts/bootstrap build
	@scripts/build release shore shore_link

up: build ## build, then start the example shop (COMPOSE=file: another manifest)
	@$(SHORE) up -f $(COMPOSE)

up-pro: build ## likewise the shop on PostgreSQL, its pool and a highly available Redis
	@scripts/bootstrap engines
	@$(SHORE) up -f examples/shop-pro/compose.yaml

down-pro: ## stop what "make up-pro" started
	@$(SHORE) down -f examples/shop-pro/compose.yaml

down: ## stop what "make up" started
	@$(SHORE) down -f $(COMPOSE)

deploy: build ## build, then deploy the manifest as a new release without closing a connection
	@$(SHORE) deploy -f $(COMPOSE)

test: ## build everything and run every test
	@scripts/bootstrap
	@scripts/build release
	@$(CTEST) --test-dir build/release

test-asan: ## the tests under the address and undefined-behaviour sanitizers
	@scripts/bootstrap
	@scripts/build asan
	@$(CTEST) --test-dir build/asan

test-tsan: ## the tests under the thread sanitizer
	@scripts/bootstrap
	@scripts/build tsan
	@$(CTEST) --test-dir build/tsan

bench: ## run the benchmarks: micro, then whole paths against nginx, HAProxy, Varnish, nghttpx, Caddy
	@scripts/bootstrap
	@scripts/build release
	@bench/run

fuzz: ## fuzz each target for FUZZ_SECONDS, starting from its corpus
	@scripts/bootstrap
	@scripts/build release fuzz_targets
	@for target in build/release/*_fuzz; do \
	    scripts/fuzz "$$target" $(FUZZ_SECONDS); \
	done

soak: ## mixed traffic while everything changes, for SOAK_SECONDS (600): flat memory, no failure
	@scripts/bootstrap
	@scripts/build release shore shore_link
	@tests/soak/run --seconds $(SOAK_SECONDS)

# Tests are left out of clang-tidy: fixtures have protected destructors, helpers take what reads best.
lint: ## house style, formatting and clang-tidy
	@scripts/bootstrap
	@scripts/build release
	@python3 tools/tidy/tidy.py
	@git ls-files '*.h' '*.cc' | xargs clang-format-19 --dry-run -Werror
	@run-clang-tidy-19 -quiet -p build/release "$(CURDIR)/src/.*(?<!_test)(?<!_fuzz)(?<!_bench)\.cc"

format: ## format the sources in place
	@scripts/bootstrap
	@git ls-files '*.h' '*.cc' | xargs clang-format-19 -i

clean: ## remove everything that was built
	@rm -rf build

install: ## install the program, its manual page and completions below PREFIX (default /usr/local)
	@scripts/bootstrap build
	@scripts/build release shore shore_link shore_pages
	@DESTDIR=$(DESTDIR) cmake --install build/release --prefix $(PREFIX)

package: ## make the Debian package: build/shore_*.deb
	@scripts/bootstrap build package
	@scripts/build release shore shore_link shore_pages
	@cd build/release && cpack -G DEB

help: ## this list
	@echo "usage: make TARGET"; echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | \
	    while IFS=$$'\t' read -r name text; do printf '  %-10s %s\n' "$$name" "$$text"; done
