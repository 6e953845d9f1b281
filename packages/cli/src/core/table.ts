// Text in columns.

/** Upper-case headings, two spaces between columns, no trailing white space; a newline at the end. */
export function table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [headings.map((heading) => heading.toUpperCase()), ...rows.map((row) => row.map(String))]
  return columns(lines)
}

/** `name: value` lines with the values below each other; pairs without a value are left out. */
export function facts(pairs: readonly (readonly [name: string, value: string | number | undefined])[]): string {
  return columns(pairs.flatMap(([name, value]) => (value === undefined ? [] : [[`${name}:`, String(value)]])))
}

function columns(lines: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const line of lines) for (const [index, cell] of line.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length)
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

/** `4m59s`, `2h05m`, `3d04h`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const two = (value: number): string => String(value).padStart(2, '0')
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${two(Math.floor((seconds % 3600) / 60))}m`
  return `${Math.floor(seconds / 86_400)}d${two(Math.floor((seconds % 86_400) / 3600))}h`
}

/** `12.0 MiB`; below a kibibyte `7 B`. */
export function size(bytes: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  if (bytes < 1024) return `${bytes} B`
  let value = bytes / 1024
  while (value >= 1023.95 && units.length > 1) {
    value /= 1024
    units.shift()
  }
  return `${value.toFixed(1)} ${units[0]}`
}

/** `2026-11-01 10:00:05Z` */
export const moment = (timestamp: string): string => timestamp.replace('T', ' ').replace(/\.\d+Z$/, 'Z')

export const memory = (mb: number): string => (mb >= 1024 && mb % 1024 === 0 ? `${mb / 1024} GiB` : `${mb} MiB`)
