#!/usr/bin/env bash
# Installs netcensus on this host as a service of systemd, upgrades it, tells how it does, and takes it away.
#
# install.sh [install] [flags]   installs or upgrades; what is as it should be stays, and nothing is restarted for it
#   --binary=FILE                the program; else netcensus-*-linux-ARCHITECTURE beside this file
#   --collectors=NAME,NAME…      what runs: sockets, processes, conntrack, mikrotik, netflow, wialon (at first: sockets)
#   --listen=ADDRESS             where, such as :19100, 192.0.2.10:19100 or [2001:db8::1]:19100; may be repeated
#   --config=FILE                the configuration; without it the present one stays
# install.sh config FILE         another configuration: it is checked, put in place, and loaded
# install.sh test                tells whether the service runs, /metrics answers and the collectors work
# install.sh rollback            the version before; doing it again brings the newer one back
# install.sh uninstall [--purge] takes all away; with --purge the configuration and the secrets, too
#
# --dry-run tells what would be done, and does nothing. The last line says how it ended: "upgraded: netcensus 1.2.3 …".
#
# Exit status: 0 all is well; 1 refused, and nothing was changed; 2 wrong usage; 3 it did not become well, and is again
# as it was before; 4 it did not become well, nor did what was there before; 5 it is in place, but not well.
set -feuo pipefail
umask 022
export LC_ALL=C
# Whoever reads this may go away: what has begun is brought to its end.
trap '' PIPE HUP

here=$(dirname "$(readlink -f "$0")")
# shellcheck source=service.sh
source "$here/service.sh"
readonly here library=/usr/local/lib/netcensus kept=/usr/local/lib/netcensus/before secrets=/etc/netcensus/secrets
readonly program=("$binary" "$unit")
readonly drop_ins=("$unit.d"/{conntrack,processes,secrets,wialon}.conf)
readonly managed=("${program[@]}" "${drop_ins[@]}" "$environment" "$configuration")
readonly collectors_known='sockets processes conntrack mikrotik netflow wialon'

verb=install given_binary='' given_collectors='' given_configuration='' given_addresses=() dry='' purge=''

say() { printf '%s\n' "$*" 2>/dev/null || true; }
refuse() { say "refused: $*"; exit 1; }
misused() { say "wrong usage: $*" >&2; exit 2; }
clean_up() { rm -rf "$stage"; }

main() {
  read_arguments "$@"
  [[ $EUID == 0 ]] || refuse 'this needs root'
  [[ -d /run/systemd/system ]] || refuse 'this host is not run by systemd'
  command -v ss >/dev/null || refuse 'this needs ss, of the package iproute2 or iproute'
  # One at a time: two would take back what the other has put in place.
  exec 9>/run/netcensus-install.lock
  flock --wait 120 9 || refuse 'another install.sh is at work on this host'
  # Of one that was killed.
  find "${library%/*}" -maxdepth 1 -name '.netcensus.??????' -exec rm -rf {} +
  # Beside where the program goes: there it may be executed, and needs not be copied again.
  stage=$(mktemp -d "${library%/*}/.netcensus.XXXXXX")
  trap clean_up EXIT
  chmod 711 "$stage"
  trap 'exit 1' INT TERM
  "${verb}_it"
}

read_arguments() {
  local argument word
  case ${1-} in install | config | test | rollback | uninstall) verb=$1 && shift ;; esac
  for argument in "$@"; do
    case $verb:$argument in
      *:-h | *:--help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" && exit 0 ;;
      install:--dry-run | config:--dry-run | rollback:--dry-run | uninstall:--dry-run) dry=yes ;;
      install:--binary=?*) given_binary=${argument#*=} ;;
      install:--collectors=?*)
        given_collectors=${argument#*=}
        for word in ${given_collectors//,/ }; do
          [[ " $collectors_known " == *" $word "* ]] || misused "unknown collector $word; known are $collectors_known"
        done ;;
      install:--listen=?*)
        [[ $argument =~ ^--listen=([A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$ ]] ||
          misused "expected an address such as :19100 or 192.0.2.10:19100, not ${argument#*=}"
        given_addresses+=("${argument#*=}") ;;
      install:--config=?*) given_configuration=${argument#*=} ;;
      config:[!-]*)
        [[ -z $given_configuration ]] || misused 'config takes one file'
        given_configuration=$argument ;;
      uninstall:--purge) purge=yes ;;
      *) misused "$verb does not know $argument; --help shows all" ;;
    esac
  done
  [[ $verb != config || -n $given_configuration ]] || misused 'config needs a file'
  [[ -z $given_configuration || -r $given_configuration ]] || refuse "cannot read $given_configuration"
}

# --- the verbs

install_it() {
  local new before='' outcome=installed
  stage_program
  if [[ -e $binary ]]; then
    before=$(version_of "$binary") || before='one that does not start'
    if cmp -s "$stage$binary" "$binary"; then outcome=changed; else outcome=upgraded; fi
  fi
  stage_settings
  check "$stage$binary" "$stage" "${given_configuration:-$configuration}" || refuse "netcensus $new cannot run with this: $why"
  if ! differs; then
    if runs "$binary" && has_secrets "$secrets"; then finish unchanged "$new"; fi
    outcome=restarted
  fi
  carry_out "$outcome" "$new" start_again
  if [[ $outcome == upgraded ]]; then
    keep_for_rollback
    finish upgraded "$new" " (before: $before)"
  fi
  finish "$outcome" "$new"
}

config_it() {
  local version
  [[ -x $binary ]] || refuse 'netcensus is not installed'
  version=$(version_of "$binary")
  copy_managed '' "$stage"
  install -D -m 644 "$given_configuration" "$stage$configuration"
  check "$binary" "$stage" "$given_configuration" || refuse "netcensus $version cannot run with this: $why"
  if ! differs; then finish unchanged "$version"; fi
  carry_out changed "$version" load_again
  finish changed "$version"
}

test_it() {
  [[ -x $binary ]] || { say 'not well: netcensus is not installed' && exit 5; }
  finish well "$(version_of "$binary")"
}

rollback_it() {
  local new old
  [[ -x $kept$binary ]] || refuse 'there is no version before'
  old=$(version_of "$kept$binary") || refuse 'the version before does not start'
  new=$(version_of "$binary") || new='one that does not start'
  copy_managed '' "$stage"
  copy_managed "$kept" "$stage" "${program[@]}"
  if ! check "$stage$binary" "$stage" "$configuration"; then
    say "netcensus $old cannot run with this: the settings of its time come back, too"
    (cd "$stage" && rm -f "${managed[@]/#/.}")
    copy_managed "$kept" "$stage"
    check "$stage$binary" "$stage" "$configuration" || refuse "netcensus $old cannot run with those either: $why"
  fi
  carry_out 'rolled back' "$old" start_again
  keep_for_rollback
  finish 'rolled back' "$old" " (before: $new)"
}

uninstall_it() {
  local path gone=("${program[@]}" "${drop_ins[@]}" "$library")
  if [[ -n $purge ]]; then gone+=("$environment" /etc/netcensus); fi
  if [[ -z $dry ]]; then systemctl disable --now --quiet "$service" 2>/dev/null || true; fi
  for path in "${gone[@]}"; do
    if [[ -e $path ]]; then
      say "${dry:+would be }removed $path"
      [[ -n $dry ]] || rm -rf "$path"
    fi
  done
  if [[ -n $dry ]]; then return; fi
  rmdir "$unit.d" 2>/dev/null || true
  systemctl daemon-reload
  systemctl reset-failed "$service" 2>/dev/null || true
  say "removed: netcensus$([[ ! -e $configuration ]] || echo ", but for its settings in /etc/netcensus and $environment")"
}

# Says how it ended and which collectors fail, with the version that has to run, and ends.
finish() {
  local outcome=$1 failing
  if [[ $running != "$2" ]] && ! becomes_well "$2"; then
    journal
    say "not well: netcensus $2 $why"
    exit 5
  fi
  failing=$(failures)
  [[ $outcome != well || -z $failing ]] || outcome='not well'
  say "$outcome: netcensus $running answers at $(place)${3-}$failing"
  [[ -z $failing ]] || exit 5
  exit 0
}

# --- what is to be in place, made ready below $stage

# The program and its unit; `new` is its version.
stage_program() {
  local machine source=$given_binary found file said
  machine=$(uname -m)
  if [[ -z $source ]]; then
    mapfile -t found < <(find "$here" "$here/.." "$here/../dist" -maxdepth 1 -name "netcensus-*-linux-$machine" 2>/dev/null)
    [[ ${#found[@]} -gt 0 ]] || refuse "there is no netcensus-*-linux-$machine beside $0; --binary=FILE names one"
    [[ ${#found[@]} == 1 ]] || refuse "there are several, and --binary=FILE names one of them: ${found[*]}"
    source=${found[0]}
  fi
  [[ -f $source && -r $source ]] || refuse "cannot read $source"
  verify_checksum "$source"
  # e_machine in the header of ELF: elf(5)
  case $machine:$(od -An -tx1 -j18 -N2 "$source" | tr -d ' \n') in
    x86_64:3e00 | aarch64:b700) ;;
    *) refuse "$source is no program for $machine" ;;
  esac
  mkdir -p "$stage${binary%/*}" "$stage$unit.d"
  install -m 755 "$source" "$stage$binary" || refuse "there is no room in ${library%/*}"
  said=$("$stage$binary" --version 2>&1) ||
    refuse "$source does not start here, but ends with $?${said:+: ${said//$'\n'/ }}"
  read -r _ new _ <<<"$said"
  for file in "$here"/systemd "$here"/../systemd; do
    if [[ -f $file/netcensus.service ]]; then units=$file && break; fi
  done
  [[ -n ${units-} ]] || refuse "there is no folder systemd beside $0"
  install -m 644 "$units/netcensus.service" "$stage$unit"
}

verify_checksum() {
  local sums name line
  sums=$(dirname "$1")/SHA256SUMS name=$(basename "$1")
  line=$(grep -sF " $name" "$sums" | grep -E "^[0-9a-f]{64} [ *]") || return 0
  [[ $(sha256sum <"$1") == "${line%% *} "* ]] || refuse "$1 is not what $sums tells: it is damaged, or another one"
  say "the checksum of $name is right"
}

stage_settings() {
  local drop_in word flags
  copy_managed '' "$stage" "$environment" "$configuration"
  if [[ ! -e $stage$environment ]]; then
    # It may come to hold a password.
    install -D -m 600 "$units/netcensus.default" "$stage$environment"
    given_collectors=${given_collectors:-sockets}
  fi
  chmod 600 "$stage$environment"
  if [[ -n $given_collectors ]]; then
    flags="--collector.disable-defaults --collector.${given_collectors//,/ --collector.}"
    set_variable NETCENSUS_COLLECTORS "${flags/collector.processes/collector.sockets.process}"
  fi
  if [[ ${#given_addresses[@]} -gt 0 ]]; then
    flags=${given_addresses[*]/#/--web.listen-address=}
    for word in $(variable NETCENSUS_FLAGS); do
      [[ $word == --web.listen-address=* ]] || flags+=" $word"
    done
    [[ "$flags " != *listen-address\ * && "$flags" != *metrics-listen-address* ]] ||
      refuse "$environment says in another way where to listen: take that out"
    set_variable NETCENSUS_FLAGS "$flags"
  fi
  flags=" $(variable NETCENSUS_COLLECTORS) "
  for drop_in in "${drop_ins[@]}"; do
    case $(basename "$drop_in") in
      secrets.conf) [[ -n $(ls -A "$secrets" 2>/dev/null) ]] || continue ;;
      processes.conf) needs "$drop_in" collector.sockets.process || continue ;;
      *) needs "$drop_in" "collector.$(basename "$drop_in" .conf)" || continue ;;
    esac
    install -m 644 "$units/netcensus.service.d/$(basename "$drop_in")" "$stage$drop_in"
    [[ $drop_in != *secrets.conf ]] || name_secrets "$stage$drop_in" "$secrets"
  done
  if [[ -n $given_configuration ]]; then
    install -D -m 644 "$given_configuration" "$stage$configuration"
  elif [[ ! -e $stage$configuration ]]; then
    mkdir -p "$stage${configuration%/*}"
    cat >"$stage$configuration" <<END
# The configuration of netcensus. Every key is optional; flags win over it: $environment
# After a change: systemctl reload netcensus
#
# rules:
#   - name: network_connections_info
#     max_series: 1000
END
  fi
}

# Whether a drop-in is for one of the flags; or else the configuration may want it, if it is there.
needs() { [[ $flags == *" --$2 "* || -z $given_collectors && -e $1 ]]; }

# The value of a variable in the environment file that is made ready.
variable() { sed -n "s/^$1=[\"']\{0,1\}\([^\"']*\)[\"']\{0,1\}\$/\1/p" "$stage$environment" | tail -n 1; }

# Sets it, where it or an example of it is, or else at the end.
set_variable() {
  local file=$stage$environment
  [[ $(variable "$1") != "$2" ]] || return 0
  grep -q "^#\{0,1\}$1=" "$file" || echo "#$1=" >>"$file"
  sed -i "s|^#\{0,1\}$1=.*|$1=\"$(printf %s "$2" | sed 's/[\&|]/\\&/g')\"|" "$file"
}

# --- putting it in place

# Puts in place what is made ready, lets $3 put it in force, and waits for version $2; else all is again as it was.
carry_out() {
  if [[ -n $dry ]]; then
    apply "$stage"
    say "would be $1: netcensus $2"
    exit 0
  fi
  mkdir "$stage/present"
  copy_managed '' "$stage/present"
  was_active=$(systemctl is-active "$service" || true)
  was_enabled=$(systemctl is-enabled "$service" 2>/dev/null || true)
  began=$(date +%s)
  trap 'undo "it was interrupted, or failed"' EXIT
  mkdir -p "$secrets"
  chmod 700 "$secrets"
  if [[ -e $environment ]]; then chmod 600 "$environment"; fi
  if [[ -e $configuration ]] && ! cmp -s "$stage$configuration" "$configuration"; then
    cp -p "$configuration" "$configuration.before"
    say "the configuration before is in $configuration.before"
  fi
  apply "$stage"
  "$3"
  becomes_well "$2" || undo "netcensus $2 $why"
  trap clean_up EXIT
}

differs() {
  local path
  for path in "${managed[@]}"; do
    if [[ -e $path || -e $stage$path ]] && ! cmp -s "$stage$path" "$path"; then return 0; fi
  done
  return 1
}

# Makes all as it is below a folder; what is not there goes away.
apply() {
  local path new
  for path in "${managed[@]}"; do
    if [[ ! -e $1$path ]]; then
      [[ -e $path ]] || continue
      say "${dry:+would be }removed $path"
      [[ -n $dry ]] || rm -f "$path"
    elif ! cmp -s "$1$path" "$path"; then
      say "${dry:+would be }$([[ -e $path ]] && echo replaced || echo new): $path"
      [[ -z $dry ]] || continue
      # By renaming: whoever looks sees the old file or the new one.
      new=${path%/*}/.netcensus.new
      mkdir -p "${path%/*}"
      copy "$1$path" "$new" || { rm -f "$new" && return 1; }
      mv -f "$new" "$path"
      if command -v restorecon >/dev/null; then restorecon "$path" || true; fi
    fi
  done
  [[ -n $dry ]] || rmdir "$unit.d" 2>/dev/null || true
}

# The files of a folder to another, or only those that are named.
copy_managed() {
  local from=$1 to=$2 path
  shift 2
  for path in "${@:-${managed[@]}}"; do
    if [[ -e $from$path ]]; then
      mkdir -p "$to${path%/*}"
      copy "$from$path" "$to$path"
    fi
  done
}

# The program is large, and never changed in its place: another name for it will do.
copy() {
  rm -f "$2"
  if [[ $1 != *"$binary" ]] || ! cp -pl "$1" "$2" 2>/dev/null; then cp -p "$1" "$2"; fi
}

keep_for_rollback() {
  rm -rf "$kept"
  mkdir -p "$library"
  mv "$stage/present" "$kept"
}

start_again() {
  systemctl daemon-reload
  systemctl enable --quiet "$service"
  systemctl reset-failed "$service" 2>/dev/null || true
  # What comes of it is seen by becomes_well().
  restarted=$SECONDS
  timeout "$limit" systemctl restart "$service" 2>/dev/null || true
  say "restarted $service"
}

# Loads a changed configuration, by a restart where nothing less will do.
load_again() {
  local answer=''
  if look; then answer=$(ask POST "${at% *}" "${at#* }" /-/reload) || true; fi
  case $answer in
    HTTP/1.?' 400 '*) undo "it cannot be loaded: ${answer#*$'\r\n\r\n'}" ;;
    HTTP/1.?' 200 '*'Needs a restart'*) start_again ;;
    HTTP/1.?' 200 '*) say "reloaded $service" ;;
    *) start_again ;;
  esac
}

# Brings back what was there before, and ends.
undo() {
  local version status=3
  # It may be run by this trap, which then is not run again.
  trap - EXIT
  set +e
  journal
  say "$1: back to what was there before"
  apply "$stage/present"
  systemctl daemon-reload
  if [[ $was_active == active ]]; then
    start_again
    version=$(version_of "$binary")
    if becomes_well "$version"; then
      say "rolled back: netcensus $version answers at $(place); $1"
    else
      say "failed: $1, and netcensus $version $why"
      status=4
    fi
  else
    [[ $was_enabled == enabled ]] || systemctl disable --quiet "$service" 2>/dev/null
    systemctl stop "$service" 2>/dev/null
    systemctl reset-failed "$service" 2>/dev/null
    say "rolled back: netcensus did not run before; $1"
  fi
  clean_up
  exit "$status"
}

main "$@"
