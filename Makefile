# The five words a newcomer needs: demo, test, lint, bench, clean. Everything a fresh machine lacks is installed by
# tests/tools.sh (Debian packages, npm packages, cargo tools), and only if it is missing.

WEB := dashboards/web
E2E := tests/e2e
FLUX := tests/flux
export SAOLA_PYTHON := $(CURDIR)/target/python/bin/python
export SAOLA_PYTHON_313 := $(CURDIR)/target/python3.13/bin/python

.PHONY: demo test lint bench bench-store bench-store-scaling bench-map bench-map-million bench-page bench-requests backtest-fire web tools clean

demo: web
	cargo run --release --bin saola -- demo

web: $(WEB)/dist/index.html

$(WEB)/node_modules/.package-lock.json: $(WEB)/package-lock.json
	cd $(WEB) && npm ci --no-audit --no-fund
	touch $@

$(WEB)/dist/index.html: $(WEB)/node_modules/.package-lock.json $(shell find $(WEB)/src $(WEB)/build $(WEB)/public $(WEB)/*.html $(WEB)/*.ts -type f 2>/dev/null)
	cd $(WEB) && npm run build

$(E2E)/node_modules/.package-lock.json: $(E2E)/package-lock.json
	cd $(E2E) && npm ci --no-audit --no-fund
	touch $@

$(FLUX)/node_modules/.package-lock.json: $(FLUX)/package-lock.json
	cd $(FLUX) && npm ci --no-audit --no-fund
	touch $@

tools:
	tests/tools.sh test

test: tools web $(E2E)/node_modules/.package-lock.json $(FLUX)/node_modules/.package-lock.json
	cargo nextest run --workspace --no-fail-fast
	cargo test --doc --workspace --quiet
	cd $(WEB) && npm run check && npm test
	tests/e2e/run.sh
	tests/fuzz/run.sh 20

lint:
	tests/tools.sh lint
	cargo fmt --all --check
	cargo fmt --manifest-path tests/fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo deny --all-features check licenses bans sources

bench:
	tests/tools.sh bench
	cargo bench --bench bench

# Beside VictoriaMetrics, InfluxDB 1.6 and DuckDB.
bench-store:
	tests/tools.sh bench
	cargo bench --bench store

# Saola alone, over a tenth, once and ten times the days.
bench-store-scaling:
	cargo bench --bench store -- --scaling

# Tiles of 100,000 stations beside PostGIS.
bench-map:
	tests/tools.sh bench
	cargo bench --bench map

# The memory of 1,000,000 stations, Saola alone.
bench-map-million:
	cargo bench --bench map -- --million

# The operations page over 100,000 stations in Chromium, beside an empty map; MINUTES of its memory.
MINUTES ?= 30
bench-page: web $(E2E)/node_modules/.package-lock.json
	tests/tools.sh test
	cargo build --release --bin saola
	node $(E2E)/many.mjs --minutes $(MINUTES)

# What nobody should ask, of a province of 100,000 stations: tiles that cannot be, boxes that are none, moments before all.
bench-requests: web $(E2E)/node_modules/.package-lock.json
	cargo build --release --bin saola
	node $(E2E)/strange.mjs

# The shipped rules of fire weather over a recorded year.
backtest-fire:
	cargo build --release --bin saola
	tests/backtest/fire.sh target/release/saola

clean:
	cargo clean
	rm -rf $(WEB)/dist $(WEB)/node_modules $(E2E)/node_modules $(FLUX)/node_modules
