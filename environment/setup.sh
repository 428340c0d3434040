#!/usr/bin/env bash
# What the scripts beside this one share: finding the tools, building the library, making the notebook environment,
# fetching the corpus. They source it and call what they need; run by itself, it sets up everything for notebooks.
# Every step is skipped when what it makes is already there and current. Nothing is installed outside the project,
# apart from what Maven and pip keep in their own caches and the peers' environment.
set -euo pipefail

# Settings of other programs' that would send installations elsewhere, or other packages here.
unset CDPATH PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_ROOT
export PIP_USER=0

home=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jar=$home/target/gerbil-0.1.0.jar
libraries=$home/target/lib
venv=$home/environment/.venv

# For the command line and the notebook kernel alike. Heap is small because tensors live outside it, and begins smaller,
# since a JVM fills what it begins with before it collects; the serial collector leaves the cores to libtorch; Java 24
# and newer warn about native libraries unless they are allowed.
jvm_options="-Xms16m -Xmx1g -XX:+UseSerialGC -Djava.awt.headless=true --enable-native-access=ALL-UNNAMED"
jvm_options="$jvm_options -Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
# Classes are mapped from an archive in place of being read and verified at each start; without one, or with that of
# another JDK, a JVM goes on as it would have.
jvm_options="$jvm_options -Xlog:cds*=off"
archive=$libraries/gerbil.jsa
# shellcheck disable=SC2206 # several options
gerbil_command=(java $jvm_options "-XX:SharedArchiveFile=$archive" "-Dgerbil.home=$home")

export GERBIL_HOME=$home
export GERBIL_FETCH_CORPUS=$home/environment/corpus/fetch # what needs the default corpus calls it
user_cache=${XDG_CACHE_HOME:-~/.cache}/gerbil # the home folder is found without HOME too
# Native libraries unpack there, and not where temporary files are, which may forbid execution.
if [ -z "${DJL_CACHE_DIR:-}" ]; then
    DJL_CACHE_DIR=$home/data/djl
    # of another user's checkout it is readable by its owner alone
    [ -w "$home" ] || ls "$DJL_CACHE_DIR"/pytorch/*/ >/dev/null 2>&1 || DJL_CACHE_DIR=$user_cache/djl
fi
export DJL_CACHE_DIR
if mkdir -p "$DJL_CACHE_DIR" 2>/dev/null && [ -w "$DJL_CACHE_DIR" ]; then
    gerbil_command+=("-DZstdTempFolder=$DJL_CACHE_DIR" "-Dorg.xerial.snappy.tempdir=$DJL_CACHE_DIR")
fi
gerbil_command+=(-cp "$jar:$libraries/*" gerbil.cli.Gerbil)
export DJL_OFFLINE=true OPT_OUT_TRACKING=true
# How many rounds a thread of PyTorch's turns before it sleeps when it waits for another, of 300,000 that are usual: beside
# another busy program those cost more than half of the speed. 2,000 lose an eighth to a quarter there against 1,000
# (measured on two cores), but draw a text from 32m a quarter to a half faster where nothing else runs.
export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-2000}

say() {
    printf '%s\n' "$*" >&2
}

refuse() {
    say "$*"
    exit 2
}

# Where all native parts are: libtorch, its JNI and tokenizers (pom.xml's profiles choose among them).
case "$(uname -s) $(uname -m)" in
    "Linux x86_64" | "Linux aarch64" | "Darwin arm64") ;;
    MINGW* | MSYS* | CYGWIN*) refuse "Gerbil runs on Windows through WSL 2, not in this shell. Install it (in" \
        "PowerShell: wsl --install), open its Ubuntu, clone the project there and run this again." ;;
    *) refuse "Gerbil runs on Linux (x86-64, arm64), macOS (arm64) and Windows (WSL 2), for which there are builds of" \
        "libtorch 2.7.1 in Maven; found: $(uname -s) $(uname -m)" ;;
esac

# Java's class path and Python's search path cannot name a folder with a colon, nor Java's resources one that ends with
# an exclamation mark.
case $home/ in
    *:*) refuse "Gerbil cannot run in $home: ':' separates folders in Java's and Python's paths. Rename the folder." ;;
    *!/*) refuse "Gerbil cannot run in $home: a folder whose name ends with '!' is an archive to Java. Rename it." ;;
esac

# Java opens some hundred files for itself: its own, the libraries and the native parts.
[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge 256 ] || ulimit -Sn 256 2>/dev/null ||
    refuse "Gerbil needs 256 open files at once, and this shell allows $(ulimit -n): raise it (ulimit -n 256)," \
        "perhaps in /etc/security/limits.conf."

# One language and one character set, whatever the user's are: names, prompts and what is printed are UTF-8.
speak_utf8() {
    local name
    for name in C.UTF-8 en_US.UTF-8; do
        if [ "$(env LC_ALL="$name" locale charmap 2>/dev/null)" = UTF-8 ]; then
            export LC_ALL=$name
            return
        fi
    done
    refuse "Gerbil needs the locale C.UTF-8 or en_US.UTF-8, for names and texts in UTF-8; found:" \
        "$(locale -a | tr '\n' ' ')"
}
speak_utf8

at_least() { # at_least FOUND NEEDED
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

# Maven follows JAVA_HOME while the kernel's launcher takes the first java on PATH: after this both mean one JDK.
find_java() {
    local java settings
    java=${JAVA_HOME:+$JAVA_HOME/bin/java}
    [ -x "$java" ] || java=java
    settings=$("$java" -XshowSettings:properties -version 2>&1) || {
        ! command -v "$java" >/dev/null || java_found="$java, which says: $(printf '%s\n' "$settings" | head -n 2 | tr '\n' ' ')"
        return 1
    }
    java_found=$(printf '%s\n' "$settings" | sed -n 's/^ *java\.version = //p')
    JAVA_HOME=$(printf '%s\n' "$settings" | sed -n 's/^ *java\.home = //p')
    [ -n "$java_found" ] && at_least "$java_found" 17 && [ -x "$JAVA_HOME/bin/javac" ] || return 1
    export JAVA_HOME PATH="$JAVA_HOME/bin:$PATH"
}

find_maven() {
    maven_found=$(mvn -version 2>/dev/null | sed -n 's/.*Apache Maven \([0-9][0-9.]*\).*/\1/p')
    [ -n "$maven_found" ] && at_least "$maven_found" 3.6.3
}

find_python() {
    local candidate version
    python_found=
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
        version=$("$candidate" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue
        python_found=${python_found:-$version}
        if at_least "$version" 3.10 && "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
            python=$candidate
            return
        fi
    done
    return 1
}

# require TOOL...: all that is missing is told at once, so that it can be installed at once.
require() {
    local tool missing=
    for tool in "$@"; do
        case $tool in
            java) find_java || missing="$missing
  Java    needed: a JDK (with javac), 17 or newer; found: ${java_found:-none}${JAVA_HOME:+ in $JAVA_HOME}
          Debian, Ubuntu: sudo apt install openjdk-17-jdk-headless     macOS: brew install --cask temurin" ;;
            maven) find_maven || missing="$missing
  Maven   needed: 3.6.3 or newer; found: ${maven_found:-none}
          Debian, Ubuntu: sudo apt install maven     macOS: brew install maven" ;;
            python) find_python || missing="$missing
  Python  needed: 3.10 or newer with the modules venv and ensurepip; found: ${python_found:-none}
          Debian, Ubuntu: sudo apt install python3 python3-venv     macOS: brew install python" ;;
        esac
    done
    [ -z "$missing" ] || refuse "Gerbil needs tools that this machine lacks:
$missing

Install them and run this again."
}

# once STAMP WORDS MESSAGE COMMAND...: what the command makes in the stamp's folder is made unless the stamp has these
# words. It is written last, so that what was killed, or made of something else, is made again. Of two at once the
# second waits for the first, where there is flock (macOS has none).
once() {
    local folder=${1%/*}
    ! is_stamped "$1" "$2" || return 0
    mkdir -p "$folder" 2>/dev/null && [ -w "$folder" ] ||
        refuse "$folder is not current, and not yours to write. Let its owner run environment/setup.sh, or clone the" \
            "project into a folder of your own."
    exec 9>"$folder.lock"
    ! command -v flock >/dev/null || flock 9
    if ! is_stamped "$1" "$2"; then
        say "$3"
        "${@:4}"
        printf '%s\n' "$2" >"$1"
    fi
    exec 9>&-
}

is_stamped() { # is_stamped STAMP WORDS
    [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]
}

# GERBIL_MAVEN_REPOSITORY names a folder to keep what Maven fetches, in place of Maven's own.
run_maven() {
    require java maven
    find_proxy
    mvn -q -B -Dstyle.color=never ${proxy[@]+"${proxy[@]}"} \
        ${GERBIL_MAVEN_REPOSITORY:+"-Dmaven.repo.local=$GERBIL_MAVEN_REPOSITORY"} "$@" >&2
}

# Maven, other than pip, does not ask the environment for a proxy. One with a password belongs in Maven's settings.xml.
find_proxy() {
    local address=${https_proxy:-${HTTPS_PROXY:-}} except=${no_proxy:-${NO_PROXY:-}} name names=
    proxy=()
    address=${address#*://}
    address=${address##*@}
    address=${address%%/*}
    [ -n "$address" ] || return 0
    local IFS=", "
    for name in $except; do
        name=${name#.}
        names="$names${names:+|}$name|*.$name"
    done
    # the last one tells Maven 3.9 to ask these
    proxy=("-Dhttps.proxyHost=${address%:*}" "-Dhttps.proxyPort=${address##*:}" "-Dhttp.nonProxyHosts=$names"
        -Daether.connector.http.useSystemProperties=true)
}

# What computes calls use_device first.
case ${GERBIL_DEVICE:-cpu} in
    cpu) use_device() { :; } ;;
    cuda) . "$home/environment/cuda.sh" ;;
    *) refuse "GERBIL_DEVICE is cpu or cuda; found: '$GERBIL_DEVICE'" ;;
esac

# Results name the commit that they were made with, so a new commit is a new build. Git tells it of another user's
# checkout too where its folder is named.
build_library() {
    local stamp=$libraries/.build
    [ -f "$jar" ] && [ -z "$(find "$home/pom.xml" "$home/src/main" -newer "$stamp" 2>/dev/null | head -n 1)" ] ||
        rm -f "$stamp"
    once "$stamp" "$(git --git-dir="$home/.git" rev-parse HEAD 2>/dev/null)" \
        "Building the library (the first time Maven downloads about 400 MB)..." package_library
}

package_library() {
    # Maven only adds to the folder of libraries: what an older pom.xml named must go. The rest stays, and the library
    # is not written over, for a run that goes on meanwhile and has yet to read classes.
    is_stamped "$libraries/.pom" "$(cksum <"$home/pom.xml")" || rm -rf "$libraries"
    rm -f "$jar"
    run_maven -f "$home/pom.xml" -DskipTests package
    cksum <"$home/pom.xml" >"$libraries/.pom"
    rm -rf "$home/target/rehearsal"
    "${gerbil_command[@]/-XX:SharedArchiveFile=/-XX:ArchiveClassesAtExit=}" rehearse \
        --texts "$home/src/main/java" --out "$home/target/rehearsal" >"$home/target/rehearsal.log" 2>&1 ||
        rm -f "$archive"
}

# Wheels are large and temporary folders may be small.
install() { # install FOLDER OPTION...: with an environment's pip
    TMPDIR=$1 "$1/bin/python" -m pip install -q --disable-pip-version-check "${@:2}"
}

# make_environment FOLDER PINS [PYTHON]: a virtual environment of the pins; a .pth file lends it the packages of that
# Python.
make_environment() {
    local packages='import sysconfig; print(sysconfig.get_path("purelib"))'
    require python
    rm -rf "$1"
    mkdir -p "$1"
    TMPDIR=$1 "${3:-$python}" -m venv "$1"
    [ $# = 2 ] || "$3" -c "$packages" >"$("$1/bin/python" -c "$packages")/lender.pth"
    install "$1" -r "$2"
}

# A virtual environment cannot be moved, so its stamp names the folder too.
make_python_environment() {
    local pins=$home/environment/requirements.txt
    once "$venv/.stamp" "$venv $(cksum <"$pins")" \
        "Making the notebook environment in environment/.venv (about 300 MB)..." make_environment "$venv" "$pins"
}

# What drives a browser, added to the notebook environment where tests or pictures of figures need it.
make_test_environment() {
    local pins=$home/environment/requirements-test.txt
    once "$venv/.test-stamp" "$(cat "$venv/.stamp") $(cksum <"$pins")" \
        "Adding Playwright to the notebook environment (170 MB)..." install "$venv" -r "$pins"
}

# JJava 1.0a4 is IJava 1.3 as it was taken over, with classes renamed: the same calls, magics and variables. IJava
# itself is in no registry.
install_older_kernel() {
    local version=1.0a4
    older=$home/target/older-kernel-$version
    once "$older/.complete" "" "Adding the kernel's version $version in target..." \
        install "$venv" --no-deps --upgrade --target "$older" "jjava==$version"
    JVM_OPTIONS=$jvm_options "$venv/bin/python" "$home/environment/kernel/install.py" --ijava \
        "$older/share/jupyter/kernels/java" "$older/share/jupyter/kernels/ijava"
}

# PyTorch and transformers, which newcomers do not need: in the user's cache, by the hash of the pins, so that clones
# share one.
make_peers_environment() {
    local pins=$home/environment/requirements-peers.txt
    peers=$user_cache/peers-$(cksum <"$pins" | cut -d ' ' -f 1)
    once "$peers/.complete" "" \
        "Making the peers' environment in $peers (PyTorch and transformers: 6 GB on disk, some minutes)..." \
        make_environment "$peers" "$pins"
}

# lm-evaluation-harness, lent the peers' packages, so that PyTorch is not installed twice.
make_harness_environment() {
    local pins=$home/environment/requirements-evaluate.txt
    make_peers_environment
    harness=$peers-evaluate-$(cksum <"$pins" | cut -d ' ' -f 1)
    once "$harness/.complete" "" "Making lm-evaluation-harness's environment in $harness (800 MB on disk)..." \
        make_environment "$harness" "$pins" "$peers/bin/python"
}

install_kernel() {
    JVM_OPTIONS=$jvm_options "$venv/bin/python" "$home/environment/kernel/install.py"
    local archive=$venv/share/jupyter/kernels/java/kernel.jsa
    [ -f "$archive" ] || [ ! -w "$venv" ] || "$venv/bin/python" "$home/environment/kernel/archive.py" "$archive"
}

# fetch_corpus [SCALE]: the source jars of a scale, or of the one that notebooks run at; the paper scale's hold the nano
# scale's. They are fetched again where one is missing, so that who deletes a damaged one gets it anew.
fetch_corpus() {
    local pom=$home/environment/corpus/pom.xml lists=$home/src/main/resources/gerbil/corpus corpus=$home/data/corpus
    local stamp=$corpus/.stamp size="57 MB" profile= pinned=source-jars.csv file
    if [ "${1:-${GERBIL_SCALE:-nano}}" = paper ]; then
        stamp=$corpus/.stamp-paper size="430 MB" profile=-Pall pinned="source-jars.csv more-source-jars.csv"
    fi
    # shellcheck disable=SC2086 # several lists
    while IFS=, read -r file _; do
        [ "$file" = file ] || [ -f "$corpus/$file" ] || rm -f "$stamp"
    done < <(cd "$lists" && cat $pinned)
    # shellcheck disable=SC2086 # no option or one
    once "$stamp" "$(cksum <"$pom")" "Fetching the corpus: $size of pinned source jars, into data/corpus..." \
        run_maven -f "$pom" $profile -Dcorpus.folder="$corpus" package
}

set_up_notebooks() {
    require java maven python
    use_device
    build_library
    make_python_environment
    install_kernel
    fetch_corpus
    export PATH="$venv/bin:$PATH"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    [ $# -eq 0 ] || refuse "environment/setup.sh takes no arguments; found: $*"
    set_up_notebooks
    say "Ready: environment/lab opens the notebooks."
fi
