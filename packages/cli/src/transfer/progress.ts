// How far a transfer is: one line on the terminal that is drawn anew, and gone when it is over.

import type { Io } from '../core/io.ts'
import { duration, size } from '../core/table.ts'

export interface Bar extends Disposable {
  /** `total`: undefined while it is not known. `doing`: in place of the speed. */
  show(done: number, total: number | undefined, doing?: string): void
  /** Takes the line away. */
  end(): void
}

const DRAW_MS = 100
/** Speed is that of the last so many ms: a stall shows. */
const WINDOW_MS = 5000
const CLEAR = '\r\u001b[K'

/** On stderr, when that is a terminal; else it does nothing. */
export function progressBar({ stderr, now }: Pick<Io, 'stderr' | 'now'>, name: string, quiet: boolean): Bar {
  if (quiet || !stderr.isTTY) return { show() {}, end() {}, [Symbol.dispose]() {} }
  const seen: { readonly at: number; readonly done: number }[] = []
  let drawn: { readonly at: number; readonly doing: string | undefined } | undefined
  const end = (): void => {
    if (drawn) stderr.write(CLEAR)
    drawn = undefined
  }
  return {
    show(done, total, doing) {
      const at = now()
      // A part that is sent again takes back what was counted.
      if ((seen.at(-1)?.done ?? 0) > done) seen.length = 0
      seen.push({ at, done })
      while (seen.length > 2 && (seen[1]?.at ?? at) < at - WINDOW_MS) seen.shift()
      if (drawn && drawn.doing === doing && at - drawn.at < DRAW_MS) return
      const first = seen[0]
      const rate = first && at > first.at ? ((done - first.done) / (at - first.at)) * 1000 : undefined
      stderr.write(CLEAR + progressLine({ name, done, total, rate, doing }, (stderr.columns || 80) - 1))
      drawn = { at, doing }
    },
    end,
    [Symbol.dispose]: end,
  }
}

export interface Standing {
  readonly name: string
  /** Bytes. */
  readonly done: number
  readonly total: number | undefined
  /** Bytes per second. */
  readonly rate: number | undefined
  readonly doing: string | undefined
}

/** `a.bin   42%  12.0 MiB of 28.5 MiB  3.1 MiB/s  ETA 5s`, no longer than `width`. */
export function progressLine({ name, done, total, rate, doing }: Standing, width: number): string {
  const parts = total === undefined ? [size(done)] : [`${percent(done, total)}%`.padStart(4), `${size(done)} of ${size(total)}`]
  if (doing !== undefined) parts.push(doing)
  else if (rate !== undefined) {
    parts.push(`${size(Math.round(rate))}/s`)
    if (total !== undefined && rate > 0) parts.push(`ETA ${duration(((total - done) / rate) * 1000)}`)
  }
  const figures = parts.join('  ')
  const room = width - figures.length - 2
  // The name gives way first.
  if (room < 4) return figures.slice(0, width)
  return `${name.length > room ? `…${name.slice(1 - room)}` : name}  ${figures}`
}

/** 100 only when all of it is there. */
const percent = (done: number, total: number): number => (total === 0 ? 100 : Math.floor((Math.min(done, total) / total) * 100))
