# Development tasks. `make` lists them. Building needs only cargo and the packages that scripts/setup.sh installs.

.DEFAULT_GOAL := help
.PHONY: help setup demo web test screenshots models instructions bench corpus-report package arm64 soak release

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## install missing packages for building and testing (Debian 12; root or sudo)
	@scripts/setup.sh test

demo: setup ## build in release, generate and index a library, start engine and portal, print the address
	@scripts/demo.sh

web: setup ## build the portal's front end, which is compiled into albumen-portal
	@scripts/web.sh

test: setup models web ## run every test; ALBUMEN_CORPUS=FOLDER adds tests with real media
	npm --prefix web run --silent check
	npm --prefix web test --silent
	cargo test --locked --workspace --lib --bins --test it
	npm --prefix web run --silent test:browser

screenshots: setup models web ## take the screenshots of docs/portal.md from the demo library
	@node web/scripts/screenshots.mjs

models: ## download the models and ONNX Runtime to the user's cache and verify their checksums
	@python3 models/fetch.py

instructions: setup ## count the instructions of the main operations; fail if a count grew by more than 5 %
	@scripts/instructions.py

bench: setup ## run the criterion benches, then compare with other programs over FOLDER=... (default: generated)
	cargo bench --locked
	cargo build --release --locked --bins
	target/release/albumen bench $(FOLDER) --peers --out

corpus-report: setup ## compare the results for the media in ALBUMEN_CORPUS with their manifest
	cargo run --locked --release --example corpus_report

package: setup models ## build a Debian package with the programs and models in target/package
	scripts/package.sh

arm64: setup models ## cross-build for arm64, run under an emulator, compare the results (root; one hour)
	scripts/arm64.sh

soak: setup models ## run the long tests, recorded in docs/soak; scripts/soak.sh PART runs one
	scripts/soak.sh

release: setup ## check that the version can be released, run all that .ci/run does, tag it; pushes nothing
	@scripts/release.sh
