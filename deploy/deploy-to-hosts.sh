#!/usr/bin/env bash
# Installs netcensus on many hosts by ssh, and looks after it: the work on each host is done by install.sh, which is
# sent along. docs/hosts.md is the guide, hosts.example an example of a hosts file.
#
# deploy-to-hosts.sh deploy     installs or upgrades; a program that a host has already is not sent again
# deploy-to-hosts.sh test       tells whether it runs, answers and its collectors work
# deploy-to-hosts.sh config     sends another configuration; the host checks it, and loads it when it is good
# deploy-to-hosts.sh rollback   goes back to the version before
# deploy-to-hosts.sh remove     takes it away; with --purge the configuration and the secrets, too
#
#   --hosts=FILE                the hosts (default: hosts)
#   --only=WHAT,WHAT…           only those of this name, or with this label: web-1,site=berlin
#   --binary=FILE               the program, once for each architecture; else netcensus-*-linux-* beside this file
#   --config=PATH               a configuration for all, or a folder with NAME.yml for each
#   --targets=FILE              write the hosts as targets of Prometheus's file_sd, in JSON; without those just removed
#   --parallel=NUMBER           hosts at a time (default: 10)
#   --timeout=SECONDS           how long the work on one host may take (default: 300)
#   --identity=FILE             the private key
#   --accept-new-keys           trust a host that ssh has never met
#   --ssh-option=OPTION         as `ssh -o` takes it; may be repeated
#   --logs=FOLDER               where what each host says is kept (default: a new folder in /tmp)
#   --dry-run                   only ask the hosts what they are and have, and tell what would be done
#
# Exit status: 0 all are well; 1 some are not; 2 wrong usage or a mistake in the hosts file, and nothing was done;
# 130 interrupted.
set -feuo pipefail
export LC_ALL=C

here=$(dirname "$(readlink -f "$0")")
# shellcheck source=hosts_file.sh
source "$here/hosts_file.sh"
readonly here

verb='' hosts_file=hosts only='' configuration='' targets='' parallel=10 limit=300 logs='' dry='' purge=''
given_binaries=() ssh_options=(-T -o BatchMode=yes)
# The hosts that are to be worked on.
names=()
# By architecture.
declare -A binary=() checksum=()

misused() { echo "$*" >&2; exit 2; }

main() {
  local removed=()
  read_arguments "$@"
  read_hosts "$hosts_file"
  choose_hosts
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  [[ $verb != deploy ]] || find_binaries
  find_configurations
  logs=${logs:-$(mktemp -d /tmp/netcensus-deploy.XXXXXX)}
  mkdir -p "$logs"
  tar -C "$here" -czf "$work/kit.tgz" install.sh service.sh -C "$(units)" systemd
  work_on_all
  if [[ -n $targets && -z $dry ]]; then
    [[ $verb != remove ]] || mapfile -t removed < <(names_that_are well)
    write_targets "$targets" "${removed[@]}"
  fi
  sum_up
}

read_arguments() {
  local argument
  case ${1-} in deploy | test | config | rollback | remove) verb=$1 && shift ;; esac
  for argument in "$@"; do
    case $argument in
      -h | --help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" && exit 0 ;;
      --hosts=?*) hosts_file=${argument#*=} ;;
      --only=?*) only=${argument#*=} ;;
      --binary=?*) given_binaries+=("${argument#*=}") ;;
      --config=?*) configuration=${argument#*=} ;;
      --targets=?*) targets=${argument#*=} ;;
      --parallel=*) parallel=$(number "$argument") ;;
      --timeout=*) limit=$(number "$argument") ;;
      --identity=?*) ssh_options+=(-i "${argument#*=}" -o IdentitiesOnly=yes) ;;
      --accept-new-keys) ssh_options+=(-o StrictHostKeyChecking=accept-new) ;;
      --ssh-option=?*) ssh_options+=(-o "${argument#*=}") ;;
      --logs=?*) logs=${argument#*=} ;;
      --dry-run) dry=yes ;;
      --purge) purge=--purge ;;
      *) misused "Unknown argument $argument; --help shows all" ;;
    esac
  done
  [[ -n $verb ]] || misused 'Expected deploy, test, config, rollback or remove; --help tells more'
  [[ -z $purge || $verb == remove ]] || misused '--purge is for remove'
  [[ ${#given_binaries[@]} == 0 || $verb == deploy ]] || misused '--binary is for deploy'
  [[ -z $configuration || $verb == deploy || $verb == config ]] || misused '--config is for deploy and config'
  [[ -n $configuration || $verb != config ]] || misused 'config needs --config=PATH'
  [[ -z $targets || -w $(dirname "$targets") ]] || misused "Cannot write $targets: there is no such folder, or it is not yours"
  # For ssh what comes first counts.
  ssh_options+=(-o "ConnectTimeout=$((limit < 10 ? limit : 10))" -o ServerAliveInterval=5 -o ServerAliveCountMax=3)
}

number() {
  [[ ${1#*=} =~ ^[1-9][0-9]{0,4}$ ]] || misused "Expected a number after ${1%%=*}, not ${1#*=}"
  echo "${1#*=}"
}

# Leaves the hosts that --only names.
choose_hosts() {
  local word name found
  if [[ -z $only ]]; then names=("${all_names[@]}"); fi
  for word in ${only//,/ }; do
    found=''
    for name in "${all_names[@]}"; do
      if [[ $name == "$word" || $word == *=* && ",${labels[$name]}," == *",$word,"* ]]; then
        found=yes
        [[ " ${names[*]-} " == *" $name "* ]] || names+=("$name")
      fi
    done
    [[ -n $found ]] || misused "No host in $hosts_file has the name or the label $word"
  done
}

# --- what is sent

# The folder of the folder systemd.
units() {
  if [[ -d $here/systemd ]]; then echo "$here"; else echo "$here/.."; fi
}

find_binaries() {
  local file files=("${given_binaries[@]}") machine
  [[ ${#files[@]} -gt 0 ]] ||
    mapfile -t files < <(find "$here" "$here/.." "$here/../dist" -maxdepth 1 \
      -name 'netcensus-*-linux-x86_64' -o -name 'netcensus-*-linux-aarch64' 2>/dev/null)
  for file in "${files[@]}"; do
    [[ -f $file && -r $file ]] || misused "Cannot read $file"
    # e_machine in the header of ELF: elf(5)
    case $(od -An -tx1 -j18 -N2 "$file" | tr -d ' \n') in
      3e00) machine=x86_64 ;;
      b700) machine=aarch64 ;;
      *) misused "$file is no program for x86_64 or aarch64" ;;
    esac
    [[ -z ${binary[$machine]-} ]] || misused "There are two programs for $machine: ${binary[$machine]} and $file"
    binary[$machine]=$(readlink -f "$file")
    checksum[$machine]=$(sha256sum <"$file")
    checksum[$machine]=${checksum[$machine]%% *}
    verify_checksum "$file" "${checksum[$machine]}"
  done
  [[ ${#binary[@]} -gt 0 ]] || misused "There is no netcensus-*-linux-* beside $0; --binary=FILE names one"
}

# A damaged program is to be found here rather than on each host.
verify_checksum() {
  local sums
  sums=$(dirname "$1")/SHA256SUMS
  if [[ -e $sums ]] && grep -q " \*\{0,1\}$(basename "$1")\$" "$sums" && ! grep -q "^$2 " "$sums"; then
    misused "$1 is not what $sums tells: it is damaged, or another one"
  fi
}

find_configurations() {
  local name
  [[ -z $configuration || -r $configuration ]] || misused "Cannot read $configuration"
  [[ $verb == config && -d $configuration ]] || return 0
  for name in "${names[@]}"; do
    [[ -r $configuration/$name.yml ]] || misused "Cannot read $configuration/$name.yml; --only leaves hosts out"
  done
}

# --- the work on the hosts

work_on_all() {
  local name
  groups_started=()
  mkdir "$work/results"
  trap interrupted INT TERM
  # Each host is a process group of its own, which can be ended as a whole.
  set -m
  for name in "${names[@]}"; do
    if ((${#groups_started[@]} >= parallel)); then wait -n || true; fi
    work_on "$name" </dev/null 2>"$logs/$name.log" &
    groups_started+=($!)
  done
  wait
  set +m
  trap - INT TERM
}

interrupted() {
  local group
  trap '' INT TERM
  echo "interrupted; what the hosts said is in $logs" >&2
  # Bash would tell of each that it was terminated.
  exec 2>/dev/null
  for group in "${groups_started[@]}"; do kill -TERM -- "-$group" || true; done
  wait
  exit 130
}

# All that is done on one host. Each way out of it is a report().
work_on() {
  local name=$1 began=$SECONDS log=$logs/$1.log arguments status=0 parts=("$work/kit.tgz") sudo='' answer
  declare -A fact=([id]='' [machine]='' [sudo]='' [checksum]='' [version]='')
  echo "== $verb, $(date '+%F %T')" >&2
  answer=$(ask_facts) || { report 1 failed - "$(reason $?)" && return; }
  read_facts <<<"$answer"
  if [[ ${fact[id]} != 0 ]]; then
    sudo='sudo -n'
    if [[ ${fact[sudo]} != yes ]]; then report 1 failed - "no root: ${fact[sudo]}" && return; fi
  fi
  prepare || return 0
  if [[ -n $dry ]]; then report 0 "would $verb" "${fact[version]:--}" "$(intention)" && return; fi
  echo "== sending $(cat "${parts[@]}" | wc -c) bytes, for install.sh $arguments" >&2
  # In one line: some shells take no other within quotes.
  cat "${parts[@]}" | remote "sh -c ' \
    d=\$(mktemp -d /var/tmp/netcensus.XXXXXX) && trap \"rm -rf \$d\" EXIT && trap \"exit 1\" HUP INT TERM && \
    cd \$d && tar --no-same-owner -xzif - && $sudo bash ./install.sh $arguments 2>&1'" >>"$log" || status=${PIPESTATUS[1]}
  report_outcome "$status"
}

# What the host is and has, a name and a value each line.
ask_facts() {
  remote 'sh -s' <<'END'
say() { echo "netcensus-fact $*"; }
say id "$(id -u)"
say machine "$(uname -m)"
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then say sudo "$(id -un) is not root, and there is no sudo"
  elif answer=$(sudo -n true 2>&1); then say sudo yes
  else say sudo "$(echo "$answer" | tail -n 1)"; fi
fi
if [ -r /usr/local/bin/netcensus ]; then
  say checksum "$(sha256sum </usr/local/bin/netcensus)"
  say version "$(/usr/local/bin/netcensus --version 2>/dev/null)"
fi
END
}

read_facts() {
  local word key value
  while read -r word key value; do
    # A shell there may say other things.
    if [[ $word == netcensus-fact ]]; then fact[$key]=$value; fi
  done
  fact[checksum]=${fact[checksum]%% *}
  fact[version]=$(awk '{ print $2 }' <<<"${fact[version]}")
}

# Finds what is to be sent, and what install.sh is to do with it.
prepare() {
  local machine=${fact[machine]} own=$configuration
  case $verb in
    deploy)
      if [[ -z ${binary[$machine]-} ]]; then report 1 failed "${fact[version]:--}" "no program for $machine" && return 1; fi
      if [[ ${fact[checksum]} == "${checksum[$machine]}" ]]; then
        arguments=--binary=/usr/local/bin/netcensus
      else
        arguments=--binary=./netcensus
        [[ -n $dry ]] || parts+=("$(packed "$machine")")
      fi
      arguments="install $arguments${collectors[$name]:+ --collectors=${collectors[$name]}}"
      arguments+=${listen[$name]:+ --listen=${listen[$name]}} ;;
    remove) arguments="uninstall $purge" ;;
    *) arguments=$verb ;;
  esac
  if [[ -d $own ]]; then own=$own/$name.yml; fi
  if [[ -n $own && -r $own ]]; then
    mkdir -p "$work/configurations/$name"
    cp "$own" "$work/configurations/$name/netcensus.yml"
    tar -C "$work/configurations/$name" -czf "$work/configurations/$name.tgz" netcensus.yml
    parts+=("$work/configurations/$name.tgz")
    arguments+=$([[ $verb == config ]] && echo ' ./netcensus.yml' || echo ' --config=./netcensus.yml')
  fi
}

# What would be done, for --dry-run.
intention() {
  local machine=${fact[machine]}
  case $verb:${fact[checksum]} in
    deploy:"${checksum[$machine]-}") echo 'has this program; its settings would be compared' ;;
    deploy:*) echo "would be sent $(basename "${binary[$machine]}")" ;;
    *:) echo 'has no netcensus' ;;
    *) echo 'reachable' ;;
  esac
}

# The packed program of an architecture, made once for all hosts.
packed() {
  local folder=$work/$1
  {
    flock 9
    if [[ ! -e $folder.tgz ]]; then
      mkdir "$folder"
      ln -s "${binary[$1]}" "$folder/netcensus"
      echo "${checksum[$1]}  netcensus" >"$folder/SHA256SUMS"
      tar -C "$folder" -chf - netcensus SHA256SUMS | gzip -1 >"$folder.tgz"
    fi
  } 9>"$folder.lock"
  echo "$folder.tgz"
}

# Runs a command on the host in what is left of its time.
remote() {
  local left=$((began + limit - SECONDS)) options=("${ssh_options[@]}")
  [[ -z ${port[$name]} ]] || options+=(-p "${port[$name]}")
  [[ -z ${user[$name]} ]] || options+=(-l "${user[$name]}")
  timeout --foreground --kill-after=2 "$((left > 0 ? left : 1))" ssh "${options[@]}" -- "${host[$name]}" "$@"
}

# What the last line of install.sh says, or else why there is none.
report_outcome() {
  local last answers='^([a-z ]+): netcensus ([^ ]+) answers at [^ ;]+;? ?(.*)$'
  local says='^(removed|refused|failed|rolled back|not well): (.*)$'
  last=$(tail -n 1 "$log")
  if [[ $last =~ $answers ]]; then
    report "$1" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}"
  elif [[ $last =~ $says ]]; then
    report "$1" "${BASH_REMATCH[1]}" - "${BASH_REMATCH[2]}"
  else
    report 1 failed - "$(reason "$1")"
  fi
}

# Why a connection has come to nothing, by its status.
reason() {
  local last
  last=$(grep -v '^== \|^tar: Exiting' "$log" | tail -n 1 | tr -d '\r')
  if [[ $1 == 124 || $1 == 137 ]]; then last="it took longer than $limit s"; fi
  echo "${last:-ssh ended with $1}"
}

# The line of a host: whether all is well with it (0), what has happened, its version, and more.
report() {
  printf '%s\n%s\n' "$1" "$2" >"$work/results/$name"
  printf '%-16s %-12s %-10s %4d s%s\n' "$name" "$2" "$3" "$((SECONDS - began))" "${4:+  $4}"
}

# --- afterwards

# The hosts with which all is well, or those with which it is not.
names_that_are() {
  local name status
  for name in "${names[@]}"; do
    status=$(head -n 1 "$work/results/$name" 2>/dev/null) || status=1
    if [[ $status == 0 && $1 == well || $status != 0 && $1 != well ]]; then echo "$name"; fi
  done
}

sum_up() {
  local counts
  counts=$(for name in "${names[@]}"; do sed -n 2p "$work/results/$name" 2>/dev/null || echo 'without an answer'; done |
    sort | uniq -c | sed 's/^ *//' | paste -sd , | sed 's/,/, /g')
  echo "${#names[@]} host$([[ ${#names[@]} == 1 ]] || echo s) in $SECONDS s: $counts; what they said is in $logs"
  [[ -z $(names_that_are 'not well') ]] || exit 1
}

main "$@"
