import { expect, test } from 'vitest';
import { allowedFunctions, boundedFunctions, rangeFunctions, samplingFunctions, tableFunctions } from '../../../src/policy/compile/allowed-functions.ts';
import { refusalOf, refusalReasons } from '../../../src/policy/compile/refused-functions.ts';
import { openEngine } from './support.ts';

const engine = await openEngine();
const session = await engine.connect();
const rows = (await session.api.runAndReadAll(`SELECT lower(function_name), list(DISTINCT function_type), bool_or(stability = 'VOLATILE')
  FROM duckdb_functions() WHERE internal GROUP BY ALL ORDER BY ALL`)).getRows();
session.close();
engine.close();

const functions = rows.map(([name, , isVolatile]) => ({ name: String(name), isVolatile: isVolatile === true }));

function isAllowed(name: string): boolean {
  return allowedFunctions.has(name) || boundedFunctions.has(name) || rangeFunctions.has(name) || tableFunctions.has(name);
}

/** Allowed though the engine calls it volatile: none of these draws chance. */
const volatileAllowed: readonly string[] = [];

test('every function that the engine has is either allowed, or refused for a reason', () => {
  expect(functions.length).toBeGreaterThan(900);
  expect(functions.filter(({ name }) => !isAllowed(name) && refusalOf(name) === null).map(({ name }) => name)).toEqual([]);
  expect(functions.filter(({ name }) => isAllowed(name) && refusalOf(name) !== null).map(({ name }) => name)).toEqual([]);
  for (const { name } of functions) if (!isAllowed(name)) expect(refusalReasons[refusalOf(name) ?? 'error'].what.length).toBeGreaterThan(10);
});

test('nothing volatile is allowed', () => {
  expect(functions.filter(({ name, isVolatile }) => isVolatile && isAllowed(name)).map(({ name }) => name)).toEqual(volatileAllowed);
  expect(functions.find(({ name }) => name === 'random')?.isVolatile).toBe(true);
});

test('what is allowed is there, but for what the parser turns into syntax', () => {
  const known = new Set(functions.map(({ name }) => name));
  expect([...allowedFunctions, ...boundedFunctions.keys()].filter((name) => !known.has(name))).toEqual(['->', 'overlay', 'if', 'ifnull']);
});

test('no sampling function hides one of the engine', () => {
  expect(functions.filter(({ name }) => samplingFunctions.has(name)).map(({ name }) => name)).toEqual([]);
});
