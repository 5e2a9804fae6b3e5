# What the scripts print with. Sourced, not run. Colour and lines that change only on a terminal.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
  bold='' dim='' red='' green='' plain=''
fi

say() { printf '%s\n' "$*"; }
heading() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
good() { printf '%s%s%s\n' "$green" "$*" "$plain"; }
fail() {
  printf '%s%s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}

progress_shown=
progress_at=0
# One line that changes on a terminal; elsewhere a line every ten seconds, when it is news. Never
# fails: it stands at the end of pipelines whose status matters.
progress() {
  [ "$*" = "$progress_shown" ] && return 0
  if [ -t 1 ]; then
    printf '\r\e[K  %s%s%s' "$dim" "$*" "$plain"
  elif [ $((SECONDS - progress_at)) -ge 10 ] || [ -z "$progress_shown" ]; then
    printf '  %s\n' "$*"
    progress_at=$SECONDS
  else
    return 0
  fi
  progress_shown=$*
}
progress_done() {
  if [ -t 1 ]; then printf '\r\e[K'; fi
  progress_shown=
}
