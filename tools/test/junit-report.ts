// Reads the JUnit XML that pytest writes. Only the few elements it uses are understood.
import type { Report, TestFailure } from './report.ts'

export function parseJunitReport(xml: string): Report {
  let passed = 0
  let skipped = 0
  const failures: TestFailure[] = []
  for (const [, attributes = '', body = ''] of xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const name = [attribute(attributes, 'classname'), attribute(attributes, 'name')].filter((part) => part !== '').join(' > ')
    const [, kind, failedAttributes = '', text = ''] = /<(failure|error)\b([^>]*?)(?:\/>|>([\s\S]*?)<\/\1>)/.exec(body) ?? []
    if (kind !== undefined) failures.push({ name, detail: unescape(text).trim() || attribute(failedAttributes, 'message') })
    else if (/<skipped\b/.test(body)) skipped++
    else passed++
  }
  return { passed, skipped, failures, flaky: [], unfinished: [] }
}

function attribute(text: string, name: string): string {
  return unescape(new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1] ?? '')
}

function unescape(text: string): string {
  const named: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal) return String.fromCodePoint(Number(decimal))
    return hex ? String.fromCodePoint(Number.parseInt(hex, 16)) : (named[name] ?? whole)
  })
}
