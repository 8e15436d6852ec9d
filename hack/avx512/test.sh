#!/usr/bin/env bash
# The kernels' tests with the AVX-512 set on a machine without AVX-512: Bochs emulates a PC whose Debian
# kernel has the tests as its only program. Ten minutes or more.
# TESTS='-test.v -test.run Gemm' runs some of the tests only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

missing=()
need() { [ -e "$1" ] || missing+=("$2"); } # file, Debian package
need /usr/bin/bochs bochs
need /usr/share/bochs/BIOS-bochs-latest bochsbios
need /usr/share/bochs/VGABIOS-lgpl-latest vgabios
need /usr/lib/ISOLINUX/isolinux.bin isolinux
need /usr/lib/syslinux/modules/bios/ldlinux.c32 syslinux-common
need /usr/bin/genisoimage genisoimage
need /usr/bin/cpio cpio
if [ ${#missing[@]} -gt 0 ]; then
  echo "error: missing Debian packages: apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi

# The kernel is unpacked, not installed.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/trainyard/avx512
mkdir -p "$cache"
if ! compgen -G "$cache/kernel/boot/vmlinuz-*" > /dev/null; then
  package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
  echo "--- download $package"
  (cd "$cache" && apt-get -qq -o APT::Sandbox::User=root download "$package")
  dpkg-deb -x "$cache/$package"_*.deb "$cache/kernel"
  rm "$cache/$package"_*.deb
fi

work=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null || true; rm -rf "$work"' EXIT
echo "--- build"
mkdir -p "$work"/{root/{dev,tmp},cd/isolinux}
export CGO_ENABLED=0
go build -ldflags '-s -w' -o "$work/root/init" ./hack/avx512/init
tests=()
for package in $(go list -f '{{if .TestGoFiles}}{{.ImportPath}}{{end}}' ./internal/engine/kernels ./internal/engine/ops/...); do
  tests+=("/${package##*/}.test")
  go test -c -ldflags '-s -w' -o "$work/root/${package##*/}.test" "$package"
done
go test -c -ldflags '-s -w' -o "$work/root/nn.test" ./internal/engine/nn
cp "$cache"/kernel/boot/vmlinuz-* "$work/cd/vmlinuz"
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/cd/isolinux"
echo continue > "$work/debugger" # Debian's Bochs starts in its debugger

# emulate MODEL FEATURES: run the command lines of standard input on a CPU of Bochs, hiding features, by number,
# from Linux.
emulate() {
  echo "--- run on $1"
  cat > "$work/root/commands"
  (cd "$work/root" && find . | cpio -o -H newc --quiet | gzip -1) > "$work/cd/initrd"
  cat > "$work/cd/isolinux/isolinux.cfg" << EOF
default tests
label tests
  kernel /vmlinuz
  append initrd=/initrd console=ttyS0 quiet panic=-1 noxsaves clearcpuid=$2 nokaslr mitigations=off tsc=reliable lpj=1000000 cryptomgr.notests
EOF
  genisoimage -quiet -o "$work/cd.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat \
    -no-emul-boot -boot-load-size 4 -boot-info-table -R "$work/cd"
  cat > "$work/bochsrc" << EOF
config_interface: textconfig
display_library: rfb, options="timeout=0"
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
megs: 2048
cpu: model=$1, ips=200000000
clock: sync=none
ata0-master: type=cdrom, path="$work/cd.iso", status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev="$work/console"
log: "$work/bochs.log"
panic: action=fatal
EOF
  : > "$work/console"
  bochs -q -unlock -f "$work/bochsrc" -rc "$work/debugger" > "$work/output" 2>&1 < /dev/null &
  tail -f -n +1 --pid=$! "$work/console"
  if ! grep -q '^init: all passed' "$work/console"; then
    tail -n 3 "$work/output"
    echo "error: the tests failed on $1" >&2
    return 1
  fi
}

# Bochs 2.7 tells a wrong size of the area that XSAVEC and XSAVES (321, 323) write: Linux would switch AVX off.
xsave=321,323
# On Ice Lake neither the area of protection keys (515) nor a fast REP MOVSB (580) is right.
newer=$xsave,515,580

# each ARGUMENTS: a command line for each package's tests.
each() { printf "%s $1\n" "${tests[@]}"; }

if [ -n "${TESTS:-}" ]; then
  emulate corei7_icelake_u $newer <<< "$(each "$TESTS")"
  exit
fi
# Tests with a part for each set, then those that take the best one.
emulate corei7_icelake_u $newer << EOF
$(each '-test.short -test.run /^avx512$')
$(each '-test.run ^Test(Convolution|PreparedConv2D|ConvNormReLUPool|Gemm)StaysInBounds$')
/quantized.test -test.run QuantizedConvStaysInBounds/^avx512$
/nn.test -test.short
EOF
# A CPU without VNNI.
emulate corei7_skylake_x $xsave <<< "$(each '-test.short -test.run Quantized/^avx512$')"
