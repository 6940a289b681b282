# What there is to do with the source. `make` lists it. Building needs only cargo and what scripts/setup.sh installs.

.DEFAULT_GOAL := help
.PHONY: help setup demo web test screenshots models instructions bench corpus-report package arm64 soak release

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## install what is missing for building and testing (Debian 12; root or sudo)
	@scripts/setup.sh test

demo: setup ## build in release, make and index a library, start engine and portal, say where to look
	@scripts/demo.sh

web: setup ## build the portal's front end, which is packed into albumen-portal
	@scripts/web.sh

test: setup models web ## every test; ALBUMEN_CORPUS=FOLDER for those with real media
	npm --prefix web run --silent check
	npm --prefix web test --silent
	cargo test --locked --workspace --lib --bins --test it
	npm --prefix web run --silent test:browser

screenshots: setup models web ## the pictures of docs/portal.md, of the demo library
	@node web/scripts/screenshots.mjs

models: ## get the models and ONNX Runtime into the user's cache, checked by sum
	@python3 models/fetch.py

instructions: setup ## count the instructions of what is done most; fails where a count grew by over 5 %
	@scripts/instructions.py

bench: setup ## the criterion benches, then a whole run beside other programs over FOLDER=... (default: generated)
	cargo bench --locked
	cargo build --release --locked --bins
	target/release/albumen bench $(FOLDER) --peers --out

corpus-report: setup ## what Albumen says of the media in ALBUMEN_CORPUS, against their manifest
	cargo run --locked --release --example corpus_report

package: setup models ## a Debian package with everything, in target/package
	scripts/package.sh

arm64: setup models ## cross-build for arm64, run under an emulator, compare the results (root; an hour)
	scripts/arm64.sh

soak: setup models ## the long proofs, recorded in docs/soak; scripts/soak.sh PART runs one
	scripts/soak.sh

release: setup ## check that the version can be released, run all that .ci/run does, tag it; pushes nothing
	@scripts/release.sh
