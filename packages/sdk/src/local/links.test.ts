import { expect, test } from 'vitest'
import { leadsOut } from './links.ts'

test.each<[string, string, string, boolean, Record<string, string>?]>([
  ['beside it', 'd/l', 'a', false],
  ['to the top', 'd/l', '..', false],
  ['above the top', 'd/l', '../..', true],
  ['absolute', 'l', '/etc', true],
  ['nowhere', 'l', '', true],
  ['out and in again', 'd/l', '../../x/d', true],
  ['with names that mean nothing', 'd/l', './/../a/', false],
  ['through a link that goes deeper', 'l', 'in/../..', false, { in: 'a/b/c' }],
  ['through one that goes up', 'g', 'd/e/up/../..', true, { 'd/e/up': '../../f' }],
  ['the same where it is no link', 'g', 'd/e/up/../..', false],
  ['through one that leads out', 'l', 'm', true, { m: '../x' }],
  ['through one that is absolute', 'l', 'm/x', true, { m: '/' }],
  ['in a circle', 'l', 'm', true, { m: 'n', n: 'm' }],
])('%s', (_, name, target, out, links = {}) => {
  expect(leadsOut(name, target, new Map(Object.entries(links)))).toBe(out)
})
