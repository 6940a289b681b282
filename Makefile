# What there is to do with the source. Building needs only cargo; see README.md.

.PHONY: models
models: ## get the models and ONNX Runtime into the user's cache, checked by sum
	python3 models/fetch.py
