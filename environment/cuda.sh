# Read by setup.sh where GERBIL_DEVICE=cuda: finds the card, and brings libtorch's CUDA build to where DJL finds it. Of
# the machine only NVIDIA's driver is needed.

cuda=$home/environment/.cuda
without_card="or leave GERBIL_DEVICE out to train on the processor."
export PATH=$PATH:/usr/lib/wsl/lib # where WSL 2 keeps nvidia-smi
export CUDA_DEVICE_ORDER=PCI_BUS_ID # nvidia-smi's

[ "$(uname -s) $(uname -m)" = "Linux x86_64" ] || refuse "GERBIL_DEVICE=cuda needs Linux on x86-64 (or WSL 2 there):" \
    "DJL has no CUDA library for $(uname -s) $(uname -m). Use such a machine," "$without_card"

use_device() {
    find_card
    make_cuda_environment
}

# ask_card FIELDS: nvidia-smi's answer for the card that DJL takes, which is the first that is visible.
ask_card() {
    local card=${CUDA_VISIBLE_DEVICES-} answer
    case $card in
        MIG-*) card= ;; # names a part of a card
        *) card=${card%%,*} ;;
    esac
    answer=$(nvidia-smi ${card:+-i "$card"} --query-gpu="$1" --format=csv,noheader,nounits 2>&1) || refuse \
        "GERBIL_DEVICE=cuda needs an NVIDIA card; nvidia-smi${card:+ (asked for $card by CUDA_VISIBLE_DEVICES)} says:" \
        "\"$answer\" Mend that (a driver that was just updated needs a restart)," "$without_card"
    head -n 1 <<<"${answer//, /,}"
}

find_card() {
    local driver found capability total free busy name
    case ${CUDA_VISIBLE_DEVICES-all} in
        "" | -*) refuse "CUDA_VISIBLE_DEVICES='$CUDA_VISIBLE_DEVICES' hides every card: unset it," "$without_card" ;;
    esac
    command -v nvidia-smi >/dev/null || refuse "GERBIL_DEVICE=cuda needs an NVIDIA card and its driver, and there is" \
        "no driver here (no nvidia-smi). Install it (Ubuntu: sudo ubuntu-drivers install; WSL 2: in Windows; a" \
        "container: start it with --gpus all)," "$without_card"
    driver=$(ask_card driver_version)
    # what everything made for a CUDA 12 runs on: docs.nvidia.com/deploy/cuda-compatibility
    at_least "$driver" 525.60.13 || refuse "NVIDIA's driver is too old for CUDA 12; needed: 525.60.13 or newer;" \
        "found: $driver. Update it (Ubuntu: sudo ubuntu-drivers install)," "$without_card"
    found=$(ask_card compute_cap,memory.total,memory.free,utilization.gpu,name)
    IFS=, read -r capability total free busy name <<<"$found"
    say "Card: $name, compute capability $capability, $free of $total MiB free, driver $driver"
    # libtorch_cuda.so has machine code up to these, and none that a driver could translate for newer cards
    at_least "$capability" 7.0 && ! at_least "$capability" 10.0 || refuse "libtorch 2.7.1 for CUDA 12.6 does not suit" \
        "that card; needed: compute capability 7.0 (Volta) to 9.0 (Hopper); found: $capability. Choose another card" \
        "with CUDA_VISIBLE_DEVICES," "$without_card"
    case $free$total$busy in
        *[!0-9]*) return ;; # not told, as of a part of a card
    esac
    if [ "$free" -lt $((total / 2)) ] || [ "$busy" -ge 50 ]; then
        say "Another process has $((total - free)) MiB of this card's memory, and $busy % of its time (nvidia-smi" \
            "names it). Training makes do with what is left, and both get slower."
    fi
}

make_cuda_environment() {
    local pins=$home/environment/requirements-cuda.txt
    once "$cuda/.stamp" "$(cksum <"$pins")" \
        "Fetching libtorch's CUDA build (2.7 GB, some minutes) into environment/.cuda (4.3 GB)..." install_cuda "$pins"
    show_libtorch "$cuda/libtorch"
}

# show_libtorch FOLDER: to DJL, which loads all that is there, and sees a card only through a libcudart.so, which is
# looked for by name.
show_libtorch() {
    # pytorch-jni's library for CUDA is called cu128, and does with every CUDA 12
    export PYTORCH_LIBRARY_PATH=$1 PYTORCH_FLAVOR=cu128 LD_LIBRARY_PATH=$1${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    # against fragments of memory, as PyTorch's notes on CUDA advise; WSL 2's driver fails at it
    if [ -z "${PYTORCH_CUDA_ALLOC_CONF+set}" ] && ! grep -qi microsoft /proc/sys/kernel/osrelease; then
        export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True
    fi
    export CUBLAS_WORKSPACE_CONFIG=:4096:8 # with which cuBLAS is deterministic
}

# Of the wheels only the libraries matter, so that those for Python 3.13 do whatever Python is here.
install_cuda() { # install_cuda PINS
    require python
    rm -rf "$cuda"
    "$python" -m venv "$cuda"
    mkdir "$cuda/libtorch"
    # pip's temporary files too: /tmp may be small
    TMPDIR=$cuda install "$cuda" -r "$1" --no-deps --no-compile --target "$cuda/packages" \
        --only-binary=:all: --python-version 3.13 --implementation cp \
        --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64
    (
        cd "$cuda/libtorch" # relative links, so that the project can be moved
        ln -s ../packages/torch/lib/lib{c10,c10_cuda,torch,torch_cpu,torch_cuda}.so \
            ../packages/torch/lib/libgomp.so.* ../packages/cusparselt/lib/libcusparseLt.so.* \
            ../packages/nvidia/*/lib/lib{cublas,cublasLt,cudart,cufft,cufile,cupti,curand,cusparse,nccl}.so.* \
            ../packages/nvidia/*/lib/lib{cudnn,cudnn_*,nvJitLink,nvrtc,nvrtc-builtins}.so.* .
        ln -s libcudart.so.* libcudart.so
    )
}
