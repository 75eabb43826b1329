import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseRecipe, readRecipes } from '../../../../src/disk/build/recipe.ts'

const debian = `kind: debian
name: debian-12
description: Debian
architecture: x86_64
loginUser: admin
suite: bookworm
mirror: http://deb.debian.org/debian
diskMib: 8192
packages:
  - cloud-init
`

test('reads every recipe that is shipped', async () => {
  const recipes = await readRecipes(join(import.meta.dirname, '../../../../images/recipes'))
  expect(recipes.map(({ name, kind, loginUser }) => [name, kind, loginUser])).toEqual([
    ['debian-12', 'debian', 'admin'],
    ['debian-13', 'debian', 'admin'],
    ['nano', 'nano', 'ec2-user'],
  ])
})

test('names file, line and key of a wrong value', () => {
  expect(() => parseRecipe('r.yaml', debian.replace('8192', 'large'))).toThrow(/^r\.yaml:8: diskMib: /)
  expect(() => parseRecipe('r.yaml', debian.replace('- cloud-init', '- "$(reboot)"'))).toThrow(
    /^r\.yaml:10: packages\.0: /,
  )
})

test('refuses what a recipe of another kind has', () => {
  expect(() => parseRecipe('r.yaml', `${debian}modules: []\n`)).toThrow(/^r\.yaml:\d+: modules: /)
})

test('refuses a kind that nobody can build', () => {
  expect(() => parseRecipe('r.yaml', debian.replace('kind: debian', 'kind: windows'))).toThrow(/^r\.yaml:1: kind: /)
})

test('tells the line where the text is not YAML', () => {
  expect(() => parseRecipe('r.yaml', debian.replace('diskMib: 8192', 'diskMib: [8192'))).toThrow(/^r\.yaml:(8|9|10): /)
})

test('refuses a package name that apt would take for an option', () => {
  expect(() => parseRecipe('r.yaml', debian.replace('- cloud-init', '- --reinstall'))).toThrow(
    /^r\.yaml:10: packages\.0/,
  )
})
