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
PLANT  ?= off
comma := ,

BUILD  := $(CURDIR)/build
DISK   ?= $(BUILD)/disk.img
CARGO  := toolchain/cargo
export COFFERDAM_BUILD := $(BUILD)
export COFFERDAM_KEYS  ?= $(CURDIR)/keys

# Apps and test systems; system.xml names the protection domains.
APP_CRATES := hello downhill pacer chaser runaway greedy trapper corebench hover waypoint abs cruise
SYSTEMS := panic conformance

# What differs between the two kernels: where the kernel comes from, and what an image is called. Their objects
# and images lie in folders of their own (toolchain/image.sh).
# What this kernel calls the board; another board than QEMU's has a folder of its own for its images.
board-has = $(shell grep -l '^$(1)$$' boards/$(BOARD)/board.toml 2>/dev/null)
KERNEL_BOARD := $(shell sed -n 's/^$(KERNEL) = "\(.*\)"$$/\1/p' boards/$(BOARD)/board.toml 2>/dev/null)
OF_BOARD := $(if $(filter-out qemu-virt-aarch64,$(BOARD)),/$(BOARD))
ifeq ($(KERNEL),sdk)
KERNEL_DIR := $(if $(filter /%,$(MICROKIT_SDK)),,$(CURDIR)/)$(MICROKIT_SDK)/board/$(KERNEL_BOARD)/$(CONFIG)
IMAGE      := $(BUILD)/image/sdk$(OF_BOARD)/cofferdam.img
CONFIGS    := release debug benchmark
SYSTEMS    += mcs
else
KERNEL_DIR := $(BUILD)/kernel/$(CONFIG)
IMAGE      := $(BUILD)/image$(OF_BOARD)/cofferdam.$(if $(call board-has,image = "raw"),img,elf)
CONFIGS    := release debug
endif
# What is written to an SD card; FIRMWARE is a folder with what the board's maker has to start it.
CARD := $(BUILD)/image/card-$(BOARD).img
export FIRMWARE
# A list of signed packages that the image is to bring. Where nothing can be pushed, APPS are built in.
EXAMPLES := $(BUILD)/preinstalled/apps.txt
ifneq ($(call board-has,net_driver = "absent"),)
PREINSTALL ?= $(if $(filter-out none,$(APPS)),$(EXAMPLES))
else
PREINSTALL ?=
endif
export SEL4_KERNEL_DIR := $(KERNEL_DIR)
export COFFERDAM_KERNEL := $(KERNEL)
export COFFERDAM_BOARD := $(BOARD)
export COFFERDAM_CONFIG := $(CONFIG)
export MICROKIT_SDK

.DEFAULT_GOAL := help
.PHONY: help setup mavlink run smoke test e2e bench flight brake fuzz check lint image images cli apps push clean fmt configuration

help: ## lists the targets
	@echo "Cofferdam: WebAssembly apps on seL4"
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
	@echo "Variables: KERNEL=crates|sdk BOARD=$(BOARD) CONFIG=release|debug APPS=none|a,b PLANT=on|off SUITE=NAME FUZZ_SECONDS=N"
	@echo "Boards: $(notdir $(patsubst %/,%,$(dir $(wildcard boards/*/board.toml))))"
	@echo "KERNEL=sdk needs MICROKIT_SDK=/path/to/microkit-sdk-2.3.0, and knows CONFIG=benchmark as well"

configuration:
	@case "$(KERNEL)" in crates | sdk) toolchain/board.sh "$(BOARD)" $(KERNEL) >/dev/null ;; \
	  *) echo "KERNEL='$(KERNEL)' is unknown; it takes crates or sdk" >&2; exit 1 ;; esac
	@case " $(CONFIGS) " in *" $(CONFIG) "*) ;; \
	  *) echo "CONFIG='$(CONFIG)' is unknown; with KERNEL=$(KERNEL) it takes one of: $(CONFIGS)" >&2; exit 1 ;; esac
	@test "$(KERNEL)" = crates || toolchain/sdk.sh $(KERNEL_BOARD) $(CONFIG) >/dev/null

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

# A COSE and a MAVLink implementation that are not ours.
pycose pymavlink: setup
	@toolchain/pypi.sh $@
.PHONY: pycose pymavlink

# What speaks MAVLink to the outside, docs/mavlink.md. Its generated code takes a minute, so `make cli` is without it.
mavlink: setup ## builds build/cofferdam-mavlink: outside simulators and ground stations (docs/mavlink.md)
	@$(CARGO) host build --quiet -p cofferdam-mavlink
	@install -m 755 $(BUILD)/target/debug/cofferdam-mavlink $(BUILD)/cofferdam-mavlink

# A list of example apps for an image, signed with the development key: what APPS names.
preinstalled: cli apps keys/development.key
	@toolchain/preinstalled.sh $(EXAMPLES) keys/development.key $(subst $(comma), ,$(APPS))
.PHONY: preinstalled

kernel: setup
ifneq ($(KERNEL),sdk)
	@kernel/build/build.sh $(CONFIG)
	@test -z "$(OF_BOARD)" || PLATFORM=$(KERNEL_BOARD) kernel/build/build.sh $(CONFIG)
endif
.PHONY: kernel

image: cli kernel keys/development.key anchors $(if $(filter $(EXAMPLES),$(PREINSTALL)),preinstalled) ## builds the bootable image under build/image
	@$(if $(PREINSTALL),COFFERDAM_PREINSTALLED=$(abspath $(PREINSTALL))) \
	  toolchain/image.sh cofferdam system.xml $(if $(PREINSTALL),wasm_manager+preinstalled)
	@$(if $(OF_BOARD),toolchain/card.sh $(BOARD) $(IMAGE) $(CARD))

images: image apps ## the same, and the images of the test systems
	@test -z "$(OF_BOARD)" || { echo "the test systems are for BOARD=qemu-virt-aarch64; make e2e SUITE=boards tests boards" >&2; exit 1; }
	@for system in $(SYSTEMS); do toolchain/image.sh $$system qemu/systems/$$system/system.xml || exit 1; done
	@toolchain/image.sh timing system.xml app_slot+spin-test
	@toolchain/image.sh rogue system.xml app_slot+rogue-test
	@toolchain/preinstalled.sh $(BUILD)/preinstalled/test.txt keys/development.key downhill hello
	@COFFERDAM_PREINSTALLED=$(BUILD)/preinstalled/test.txt toolchain/image.sh preinstalled system.xml wasm_manager+preinstalled
	@toolchain/image.sh hostile-verifier system.xml verifier+hostile-test
	@toolchain/image.sh lifecycle system.xml app_slot+spin-test wasm_manager+fault-test gateway+fault-test

# What is pushed stays on the disk, build/disk.img; remove it for a device without apps. With PLANT=on a simulator can be attached,
# and time follows executed instructions.
run: image apps $(if $(OF_BOARD),board-qemu) ## boots the image in QEMU, pushes the demo apps over the network, console on the terminal
	@$(BUILD)/target/debug/cofferdam-qemu run $(if $(OF_BOARD),--board $(BOARD),--disk $(DISK) $(if $(filter on,$(PLANT)),--plant --icount)) --image $(IMAGE) --key keys/development.key --apps $(APPS)

smoke: image apps $(if $(OF_BOARD),board-qemu) ## the same without a terminal; exit status 0 only if a pushed app was seen running
	@$(BUILD)/target/debug/cofferdam-qemu smoke --board $(BOARD) --image $(IMAGE) --key keys/development.key --apps $(APPS)

# The boards of this kernel; the suite `boards` boots those that QEMU has.
boards: apps
	@toolchain/boards.sh
.PHONY: boards

flash: ## writes a board's card image to DEVICE=/dev/…: shows what is there, asks, writes, reads back
	@toolchain/flash.sh $(CARD) "$(DEVICE)"
.PHONY: flash

# A QEMU that knows boards, beside the usual one.
board-qemu: setup
	@toolchain/board-qemu.sh
.PHONY: board-qemu

push: cli ## pushes APP=file.cdam (signed) to DEVICE=host:port
	@test -n "$(APP)" || { echo "usage: make push APP=file.cdam [DEVICE=host:port]" >&2; exit 2; }
	@$(BUILD)/cofferdam $(if $(DEVICE),--device $(DEVICE)) push $(APP)

e2e: images apps $(if $(filter all wasi brake,$(SUITE)),wasi-apps) $(if $(filter all attack,$(SUITE)),pycose) $(if $(filter all mavlink,$(SUITE)),pymavlink) $(if $(filter all mavlink readme,$(SUITE)),mavlink) $(if $(filter all boards,$(SUITE)),boards) ## end-to-end tests in QEMU; SUITE=NAME runs one suite
	@$(BUILD)/target/debug/cofferdam-e2e --suite $(SUITE)

# With an SDK at hand, the default kernel's tests are followed by the end-to-end tests on the SDK's.
test: images wasi-apps pycose pymavlink mavlink boards ## everything: host tests, then end-to-end tests in QEMU
ifneq ($(KERNEL),sdk)
	@test -z "$(MICROKIT_SDK)" || $(MAKE) --no-print-directory images boards KERNEL=sdk
endif
	@toolchain/test.sh

# The bare-metal program runs the same runtime without a kernel: the baseline of the speed figure.
bench: images apps ## prints a table of figures, writes build/bench.json
	@COFFERDAM_BENCH_MODULE=$(BUILD)/apps/corebench.wasm $(CARGO) bare build --quiet --profile device -p bare-metal
	@$(BUILD)/target/debug/cofferdam-e2e bench

flight: image apps ## flies a quadrotor from Wasm, checks the bounds, draws it into build/report
	@$(BUILD)/target/debug/cofferdam-e2e demo flight

brake: image apps ## stops a car on three roads with and without abs, checks the bounds, draws it into build/report
	@$(BUILD)/target/debug/cofferdam-e2e demo brake

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
