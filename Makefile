# SPDX-License-Identifier: Apache-2.0 OR MIT
# Entry points; `make help` lists them. The work itself is done by cargo and by the scripts in
# toolchain/ and kernel/build/, each of which is quick when nothing has changed.

KERNEL ?= crates
MICROKIT_SDK ?=
BOARD  ?= qemu-virt-aarch64
CONFIG ?= release
SUITE  ?= all
APPS   ?= downhill,hello
FUZZ_SECONDS ?= 10

BUILD  := $(CURDIR)/build
DISK   ?= $(BUILD)/disk.img
CARGO  := toolchain/cargo
export COFFERDAM_BUILD := $(BUILD)
export COFFERDAM_KEYS  ?= $(CURDIR)/keys

# Apps and test systems; system.xml names the protection domains.
APP_CRATES := hello downhill pacer chaser runaway greedy trapper corebench hover abs cruise
SYSTEMS := panic conformance

# What differs between the two kernels: where the kernel comes from, and what an image is called. Their objects
# and images lie in folders of their own (toolchain/image.sh).
ifeq ($(KERNEL),sdk)
# The SDK calls our qemu-virt-aarch64 qemu_virt_aarch64.
SDK_BOARD  := $(subst -,_,$(BOARD))
KERNEL_DIR := $(if $(filter /%,$(MICROKIT_SDK)),,$(CURDIR)/)$(MICROKIT_SDK)/board/$(SDK_BOARD)/$(CONFIG)
IMAGE      := $(BUILD)/image/sdk/cofferdam.img
CONFIGS    := release debug benchmark
SYSTEMS    += mcs
else
KERNEL_DIR := $(BUILD)/kernel/$(CONFIG)
IMAGE      := $(BUILD)/image/cofferdam.elf
CONFIGS    := release debug
endif
export SEL4_KERNEL_DIR := $(KERNEL_DIR)
export COFFERDAM_KERNEL := $(KERNEL)
export COFFERDAM_CONFIG := $(CONFIG)
export MICROKIT_SDK

.DEFAULT_GOAL := help
.PHONY: help setup run smoke test e2e bench fuzz check lint image images cli apps push clean fmt configuration

help: ## lists the targets
	@echo "Cofferdam: WebAssembly apps on seL4"
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
	@echo "Variables: KERNEL=crates|sdk BOARD=$(BOARD) CONFIG=release|debug APPS=none|a,b SUITE=NAME FUZZ_SECONDS=N"
	@echo "KERNEL=sdk needs MICROKIT_SDK=/path/to/microkit-sdk-2.3.0, and knows CONFIG=benchmark as well"

configuration:
	@case "$(BOARD)" in qemu-virt-aarch64) ;; \
	  *) echo "BOARD='$(BOARD)' is unknown; it takes qemu-virt-aarch64" >&2; exit 1 ;; esac
	@case " $(CONFIGS) " in *" $(CONFIG) "*) ;; \
	  *) echo "CONFIG='$(CONFIG)' is unknown; with KERNEL=$(KERNEL) it takes one of: $(CONFIGS)" >&2; exit 1 ;; esac
	@case "$(KERNEL)" in crates) ;; sdk) toolchain/sdk.sh $(SDK_BOARD) $(CONFIG) >/dev/null ;; \
	  *) echo "KERNEL='$(KERNEL)' is unknown; it takes crates or sdk" >&2; exit 1 ;; esac

setup: configuration ## installs what is missing (apt on Debian and Ubuntu), builds the sysroots
	@toolchain/setup.sh

cli: setup ## builds build/cofferdam, the host tool
	@$(CARGO) host build --quiet -p cofferdam-cli -p cofferdam-image -p cofferdam-qemu -p cofferdam-e2e
	@install -m 755 $(BUILD)/target/debug/cofferdam $(BUILD)/cofferdam

# A development key, made on first use. It stays on this machine (keys/*.key is ignored by git).
keys/development.key: | cli
	@echo "keys: making keys/development.key, a development key; its public half is built into the image"
	@$(BUILD)/cofferdam keygen keys/development

# Whom the image will trust, and that this is what its maker wants.
anchors: | keys/development.key
	@toolchain/anchors.sh $(COFFERDAM_KEYS)
.PHONY: anchors

apps: setup ## builds the example apps for Wasm into build/apps
	@$(CARGO) app build --profile app $(APP_CRATES:%=-p %)
	@mkdir -p $(BUILD)/apps
	@for app in $(APP_CRATES); do cp -u $(BUILD)/target/wasm32-unknown-unknown/app/$$app.wasm $(BUILD)/apps/$$app.wasm; done

# Programs for WASI, from C and from Rust with std. What they need is installed and built for them alone.
wasi-apps: apps
	@toolchain/setup.sh wasi
	@toolchain/wasi-apps.sh
.PHONY: wasi-apps

# A COSE implementation that is not ours.
pycose: setup
	@toolchain/pycose.sh
.PHONY: pycose

kernel: setup
ifneq ($(KERNEL),sdk)
	@kernel/build/build.sh $(CONFIG)
endif
.PHONY: kernel

image: cli kernel keys/development.key anchors ## builds the bootable image under build/image
	@toolchain/image.sh cofferdam system.xml

images: image ## the same, and the images of the test systems
	@for system in $(SYSTEMS); do toolchain/image.sh $$system qemu/systems/$$system/system.xml || exit 1; done
	@toolchain/image.sh timing system.xml app_slot+spin-test
	@toolchain/image.sh rogue system.xml app_slot+rogue-test
	@toolchain/image.sh hostile-verifier system.xml verifier+hostile-test
	@toolchain/image.sh lifecycle system.xml app_slot+spin-test wasm_manager+fault-test gateway+fault-test

# What is pushed stays on the disk, build/disk.img; remove it for a device without apps.
run: image apps ## boots the image in QEMU, pushes the demo apps over the network, console on the terminal
	@$(BUILD)/target/debug/cofferdam-qemu run --disk $(DISK) --image $(IMAGE) --key keys/development.key --apps $(APPS)

smoke: image apps ## the same without a terminal; exit status 0 only if a pushed app was seen running
	@$(BUILD)/target/debug/cofferdam-qemu smoke --image $(IMAGE) --key keys/development.key --apps $(APPS)

push: cli ## pushes APP=file.cdam (signed) to DEVICE=host:port
	@test -n "$(APP)" || { echo "usage: make push APP=file.cdam [DEVICE=host:port]" >&2; exit 2; }
	@$(BUILD)/cofferdam $(if $(DEVICE),--device $(DEVICE)) push $(APP)

e2e: images apps $(if $(filter all wasi,$(SUITE)),wasi-apps) $(if $(filter all attack,$(SUITE)),pycose) ## end-to-end tests in QEMU; SUITE=NAME runs one suite
	@$(BUILD)/target/debug/cofferdam-e2e --suite $(SUITE)

# With an SDK at hand, the default kernel's tests are followed by the end-to-end tests on the SDK's.
test: images wasi-apps pycose ## everything: host tests, then end-to-end tests in QEMU
ifneq ($(KERNEL),sdk)
	@test -z "$(MICROKIT_SDK)" || $(MAKE) --no-print-directory images KERNEL=sdk
endif
	@toolchain/test.sh

# The bare-metal program runs the same runtime without a kernel: the baseline of the speed figure.
bench: images apps ## prints a table of figures, writes build/bench.json
	@COFFERDAM_BENCH_MODULE=$(BUILD)/apps/corebench.wasm $(CARGO) bare build --quiet --profile device -p bare-metal
	@$(BUILD)/target/debug/cofferdam-e2e bench

fuzz: setup ## throws bad inputs at every parser of outside bytes, FUZZ_SECONDS=10 at each (fuzz/README.md)
	@toolchain/setup.sh fuzz
	@fuzz/run.sh $(FUZZ_SECONDS)

lint: cli kernel apps ## format, lints and documentation
	@toolchain/lint.sh

check: lint test ## format, lints, documentation, tests: what CI runs

fmt: setup ## formats the source
	@$(CARGO) host fmt --all

clean: ## removes what was built, but for the sysroots and fetched crates
	@find $(BUILD) -mindepth 1 -maxdepth 1 ! -name sysroot -exec rm -rf {} +
