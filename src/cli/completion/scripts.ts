/** The shells that have completions. */
export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/**
 * Each asks `kiln complete -- WORDS` for its candidates, one a line; a line `:files` stands for the shell's own completion of file names.
 * bash takes a colon for the end of a word, so what stands before it is cut from the candidates there.
 */
const scripts: Readonly<Record<Shell, string>> = {
  bash: `_kiln() {
  local line prefix= files= typed=\${COMP_LINE:0:COMP_POINT}
  local -a words
  read -r -a words <<<"$typed"
  [[ $typed == *[[:space:]] ]] && words+=("")
  local current=\${words[\${#words[@]}-1]}
  [[ $current == *[:=]* ]] && prefix=\${current%"\${current##*[:=]}"}
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      files=yes
    else
      COMPREPLY+=("\${line#"$prefix"}")
      [[ $line == *: ]] && compopt -o nospace
    fi
  done < <(command kiln complete -- "\${words[@]:1}" 2>/dev/null)
  [[ -z $files ]] && return
  if ((\${#COMPREPLY[@]})); then
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "\${current#"$prefix"}")
  else
    compopt -o default
  fi
}
complete -F _kiln kiln
`,
  zsh: `#compdef kiln
_kiln() {
  local line files
  local -a candidates places
  while IFS= read -r line; do
    case $line in
      :files) files=yes ;;
      *:) places+=("$line") ;;
      *) candidates+=("$line") ;;
    esac
  done < <(command kiln complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#candidates} )) && compadd -- "\${candidates[@]}"
  (( \${#places} )) && compadd -S '' -- "\${places[@]}"
  [[ -n $files ]] && _files
  return 0
}
if [[ $funcstack[1] == _kiln ]]; then _kiln "$@"; else compdef _kiln kiln; fi
`,
  fish: `function __kiln_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (command kiln complete -- $words[2..-1] 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c kiln -f -a '(__kiln_complete)'
`,
}

/** The completion script of a shell. */
export function completionScript(shell: Shell): string {
  return scripts[shell]
}
