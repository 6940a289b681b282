#!/bin/bash
# Tests the unit under a real systemd: boots a clean Debian 12 with the package in systemd-nspawn, starts the service like an
# administrator, and checks docs/service.md and config/albumen.service against the kernel's view.
# Root only; needs systemd-container, and heif-enc and ffmpeg to generate a HEIC and a video.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
root=$work/root
nspawn=
say() { echo "soak: $*"; }
die() {
    echo "systemd: $*" >&2
    [ -z "$nspawn" ] || inside journalctl --no-pager --unit albumen --lines 40 >&2 || true
    exit 1
}
ended() {
    if [ -n "$nspawn" ]; then
        # SIGTERM asks the system inside to shut down.
        kill "$nspawn" 2>/dev/null || true
        wait "$nspawn" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap ended EXIT
command -v systemd-nspawn >/dev/null || die "systemd-nspawn is missing: apt-get install systemd-container"

package=${ALBUMEN_PACKAGE:-$(scripts/package.sh | tail -1)}
say "$(basename "$package")"
scripts/debian-root.sh "$root" systemd systemd-sysv dbus procps curl ca-certificates
cp "$package" "$root/root/albumen.deb"
scripts/debian-root.sh --enter "$root" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends /root/albumen.deb
cp -r testdata "$root/root/media"
scripts/soak/media.sh "$root/root/media/made"

# The first process is a child of nspawn, whose default list of system calls predates Landlock.
SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --boot --directory "$root" --register=no --keep-unit \
    --system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self" \
    --console=pipe </dev/null >"$work/console" 2>&1 &
nspawn=$!
leader=
for _ in $(seq 100); do
    leader=$(pgrep --parent "$nspawn" | head -1) || true
    [ -z "$leader" ] || break
    sleep 0.1
done
[ -n "$leader" ] || die "the container does not start: $(cat "$work/console")"
inside() {
    nsenter --target "$leader" --mount --uts --ipc --pid --cgroup --root --wd -- env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}
for _ in $(seq 150); do
    [ -S "$root/run/dbus/system_bus_socket" ] || inside test -S /run/systemd/private 2>/dev/null && break
    sleep 0.2
done
state=$(inside systemctl is-system-running --wait || true)
[ "$state" = running ] || die "systemd inside is $state: $(inside systemctl --failed --no-pager --plain)"
say "$(inside systemctl --version | head -1) as process 1 of a clean Debian 12, state: $state"

# Two volumes: one private to its owner, and one that is writable for every user.
inside sh -ec '
    useradd owner; useradd photoserver; useradd stranger
    usermod --append --groups albumen photoserver
    for volume in private public; do mkdir -p /volumes/$volume; mount -t tmpfs -o mode=755 $volume /volumes/$volume; done
    cp -r /root/media /volumes/private/photos
    chown -R owner /volumes/private/photos
    find /volumes/private/photos -type d -exec chmod 700 {} +
    find /volumes/private/photos -type f -exec chmod 600 {} +
    chmod 1777 /volumes/public
    cat >>/etc/albumen/albumen.toml
' <<'CONFIG'

[[space]]
name = "family"
folders = ["/volumes/private/photos", "/volumes/public"]
CONFIG

# On a machine that is never idle the idle class of the scheduler gets next to nothing; it is tested below.
inside sed -i 's/^idle_class = true/idle_class = false/' /etc/albumen/albumen.toml

inside install -m 644 /root/media/kinds/plain.jpg /srv/upload.jpg
# An upload by a user, with unique content.
put() { as "$1" sh -ec "cat /srv/upload.jpg >'$2'; echo '$2' >>'$2'"; }
now() { date +%s%N; }
ms() { echo $((($(now) - $1) / 1000000)); }
property() { inside systemctl show --property "$1" --value albumen; }
as() { inside setpriv --reuid "$1" --regid "$1" --init-groups "${@:2}"; }
ask() { as photoserver curl -sS --max-time 60 --unix-socket /run/albumen/albumen.sock "http://albumen$1" "${@:2}"; }
# Waits up to a few minutes until a command succeeds.
until_so() {
    local what=$1
    shift
    for _ in $(seq 900); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.2
    done
    die "timed out: $what"
}
status_has() { ask /v1/status | grep -Eq "$1"; }
items() { as photoserver albumen export 2>/dev/null; }
has_item() { items | grep -F "\"name\":\"$1\"" | grep -Fq "$2"; }

begun=$(now)
inside systemctl start albumen || die "systemctl start"
[ "$(property ActiveState)" = active ] || die "it is $(property ActiveState) after systemctl start"
took=$(ms "$begun")
[ "$(ask /healthz)" = ok ] || die "it is active and does not answer"
say "systemctl start: active (Type=$(property Type)) and answering after $took ms"

# The figures are delayed: those of an index that is still empty have nothing due.
idle() {
    status_has '"idle":true' && ! status_has '"due":[1-9]' &&
        status_has '"done":[1-9][0-9]*,[^}]*"stage":"faces"' && status_has '"done":[1-9][0-9]*,[^}]*"stage":"subjects"'
}
until_so "everything is indexed" idle
for made in picture.heic clip.mp4; do
    has_item "$made" '"name":"xl"' || die "$made has no thumbnail"
done
for stage in faces subjects; do
    status_has "\"done\":[1-9][0-9]*,\"due\":0,\"failed\":0,\"skipped\":[0-9]*,\"stage\":\"$stage\"" || die "stage $stage did not run: $(ask /v1/status)"
done
say "indexed under the unit's hardening, files readable by their owner only: $(items | wc -l) items, HEIC and HEVC video with thumbnails, faces and subjects recognised"

# The process as the kernel sees it.
pid=$(property MainPID)
[ "$(property User)" = albumen ] || die "the user is $(property User)"
process() { inside sed -n "s/^$2:\\s*//p" "/proc/$1/status"; }
[ "$(process "$pid" Uid | cut -f1)" = "$(inside id -u albumen)" ] || die "its user is not albumen: $(process "$pid" Uid)"
# Bit 2 is CAP_DAC_READ_SEARCH.
for set in CapPrm CapEff CapBnd CapAmb; do
    [ "$(process "$pid" $set)" = 0000000000000004 ] || die "$set is $(process "$pid" $set), not CAP_DAC_READ_SEARCH alone"
done
[ "$(process "$pid" NoNewPrivs) $(process "$pid" Seccomp)" = "1 2" ] || die "no filter of system calls"
say "its process: user albumen, CAP_DAC_READ_SEARCH and nothing else, no new privileges, system calls filtered"

# The workers, started by an upload; then a command under all of the unit's restrictions reports the sandbox of a worker.
put owner /volumes/private/photos/seal.jpg
as photoserver albumen submit --wait /volumes/private/photos/seal.jpg
workers=$(inside pgrep --parent "$pid") || die "no worker runs after an upload"
for worker in $workers; do
    sealed="$(process "$worker" CapPrm) $(process "$worker" CapEff) $(process "$worker" NoNewPrivs) $(process "$worker" Seccomp)"
    [ "$sealed" = "0000000000000000 0000000000000000 1 2" ] || die "worker $worker is not sandboxed: $sealed"
    [ "$(process "$worker" Seccomp_filters)" -gt "$(process "$pid" Seccomp_filters)" ] || die "worker $worker has no filter of its own"
done
restrictions=$(sed -n '/^\[Service\]/,/^\[Install\]/p' config/albumen.service |
    grep -E '^(User|Group|UMask|Ambient|Capability|NoNew|Protect|Private|DevicePolicy|Restrict(Namespaces|Realtime|SUIDSGID|Address)|LockPersonality|RemoveIPC|SystemCall|IPAddress|Environment)' |
    sed 's/^/--property=/')
mapfile -t restrictions <<<"$restrictions"
sandbox=$(inside systemd-run --quiet --wait --pipe "${restrictions[@]}" --property=ReadWritePaths=/var/lib/albumen \
    albumen --index /var/lib/albumen status --json | sed 's/.*"sandbox":"\([^"]*\)".*/\1/')
[ "$sandbox" = full ] || die "under the unit's restrictions a worker's sandbox is ${sandbox:-unknown}"
say "its $(echo "$workers" | wc -w) children: no capability, a filter of their own; sandbox under the unit's restrictions: $sandbox"

# Write access. The attempts use the view of the file system, the user and the capability of the service.
attempt() {
    nsenter --target "$leader" --mount --pid --root --wd -- nsenter --target "$pid" --mount -- \
        setpriv --reuid albumen --regid albumen --init-groups --inh-caps -all,+dac_read_search --ambient-caps -all,+dac_read_search \
        touch "$1" 2>&1
}
for path in /volumes/public /volumes/private/photos /etc /usr /home; do
    if said=$(attempt "$path/probe"); then die "it can write into $path"; fi
done
said=$(attempt /volumes/public/probe || true)
[[ $said == *"Read-only file system"* ]] || die "/volumes/public is not writable, but not because of the unit: $said"
attempt /var/lib/albumen/probe >/dev/null || die "it cannot write its own state"
inside rm /var/lib/albumen/probe
say "it can write /var/lib/albumen, and no volume, not even one that is writable for every user ($(echo "${said##*: }"))"

modes=$(inside sh -ec 'stat -c "%a %U %G" /var/lib/albumen /var/lib/albumen/index.sqlite /var/lib/albumen/index.sqlite-wal /run/albumen/albumen.sock' | paste -sd,)
[ "$modes" = "750 albumen albumen,640 albumen albumen,640 albumen albumen,660 albumen albumen" ] || die "modes: $modes"
others=$(inside find /var/lib/albumen ! \( -type d -perm 750 \) ! \( -type f -perm 640 \))
[ -z "$others" ] || die "wrong modes: $others"
foreign=$(inside find /var/lib/albumen -mindepth 1 -maxdepth 1 ! -name 'index.*' ! -name derived)
[ -z "$foreign" ] || die "unexpected files in the index folder: $foreign"
say "modes: index folder 0750, every folder in it, too, every file 0640, socket 0660; no other files"

# Access.
as photoserver albumen submit /volumes/public >/dev/null || die "the photo server may not submit"
status=0
said=$(as stranger albumen submit /volumes/public 2>&1) || status=$?
[ $status = 3 ] && [[ $said == *"you may not open"* ]] || die "a stranger got $status: $said"
status=0
said=$(as stranger albumen status 2>&1) || status=$?
[ $status = 3 ] && [[ $said == *"cannot be read"* ]] || die "a stranger got $status: $said"
say "submit: a user of the group albumen has access, another gets an error and cannot read the index"

# Detecting changes.
put stranger /volumes/public/noticed.jpg
begun=$(now)
until_so "a new file is detected" has_item noticed.jpg '"name":"xl"'
say "detected by inotify, with thumbnails $(ms "$begun") ms after it was written (settle: 2 s)"

# A reload.
inside sed -i 's/^grace = .*/grace = "7 days"/' /etc/albumen/albumen.toml
inside systemctl reload albumen
logged() { inside journalctl --no-pager --unit albumen | grep -Fq "$1"; }
until_so "the reload is logged" logged "config read again, changed: grace"
inside sed -i '1i grase = 1' /etc/albumen/albumen.toml
if inside systemctl reload albumen 2>"$work/said"; then die "systemctl reload does not report an invalid config"; fi
until_so "the invalid line is logged" logged "line 1: unknown field \`grase\`"
[ "$(property ActiveState)" = active ] && [ "$(ask /healthz)" = ok ] || die "an invalid config ended the service"
inside sed -i '1d' /etc/albumen/albumen.toml
inside systemctl reload albumen || die "the corrected config is refused"
say "systemctl reload lists the changes; an invalid config fails the reload with line and reason, and the service continues"

# Priority: background work in the idle class, which the filter of system calls must allow.
inside sed -i 's/^idle_class = false/idle_class = true/' /etc/albumen/albumen.toml
inside systemctl reload albumen
put stranger /volumes/public/kind.jpg
is_low() {
    local child
    for child in $(inside pgrep --parent "$pid"); do
        ! inside chrt --pid "$child" | grep -q SCHED_IDLE || return 0
    done
    return 1
}
until_so "background work is in the idle class" is_low
inside sed -i 's/^idle_class = true/idle_class = false/' /etc/albumen/albumen.toml
inside systemctl reload albumen
say "background work runs in the idle class (chrt reports SCHED_IDLE)"

# The watchdog, with a short interval: a healthy service is kept, a stopped one is replaced.
inside sh -ec 'mkdir -p /run/systemd/system/albumen.service.d
    printf "[Service]\nWatchdogSec=4\n" >/run/systemd/system/albumen.service.d/watchdog.conf
    systemctl daemon-reload; systemctl restart albumen'
pid=$(property MainPID)
sleep 10
[ "$(property MainPID) $(property NRestarts)" = "$pid 0" ] || die "the watchdog killed a healthy service"
inside kill -STOP "$pid"
new_process() { [ "$(property ActiveState)" = active ] && [ "$(property MainPID)" != "$pid" ]; }
until_so "the watchdog replaces a service that hangs" new_process
say "watchdog: a healthy service is kept for twice its interval, a hanging one is replaced"
inside rm -r /run/systemd/system/albumen.service.d
inside systemctl daemon-reload
inside systemctl restart albumen

# Work during which the service is killed: different copies.
inside sh -ec 'for n in $(seq 150); do cat /srv/upload.jpg >/volumes/public/$n.jpg; echo $n >>/volumes/public/$n.jpg; done'
pid=$(property MainPID)
working() { status_has '"pending":[1-9]' || status_has '"developed":[1-9]'; }
until_so "there is work" working
answer=$(ask /v1/index --json '{"paths": ["/volumes/public/noticed.jpg", "/volumes/private/photos/seal.jpg"]}')
job=$(echo "$answer" | sed -n 's/.*"job":\([0-9]*\).*/\1/p')
[ -n "$job" ] || die "an upload was refused: $answer"
inside kill -KILL "$pid"
until_so "it is restarted after kill -9" new_process
done_job() { ask "/v1/jobs/$job" | grep -q '"state":"done"'; }
until_so "the request from before the kill is done" done_job
say "kill -9 under load: restarted after RestartSec, and the acknowledged request is done"

pid=$(property MainPID)
begun=$(now)
inside systemctl stop albumen
took=$(ms "$begun")
[ "$(property Result)" = success ] || die "stop: $(property Result)"
[ "$took" -lt 5000 ] || die "stopping took $took ms"
left=$(inside pgrep -a albumen || true)
[ -z "$left" ] || die "still running after the stop: $left"
inside test ! -e /run/albumen/albumen.sock || die "the socket still exists"
inside systemctl start albumen
until_so "all work is done after the restart" idle
as photoserver albumen verify >"$work/verified" || die "the index is damaged: $(cat "$work/verified")"
say "systemctl stop during work: $took ms; after a restart the work is finished, and verify finds no errors"
bites=$(inside journalctl --no-pager --unit albumen --grep 'Watchdog timeout' --quiet | wc -l)
[ "$bites" = 1 ] || die "the watchdog fired $bites times"
inside sh -ec 'DEBIAN_FRONTEND=noninteractive apt-get remove -q -y albumen' >/dev/null
[ -z "$(inside pgrep albumen || true)" ] || die "removing the package leaves the service running"
inside test -f /var/lib/albumen/index.sqlite || die "removing the package deleted the index"
say "removing the package stops the service and keeps the index"
