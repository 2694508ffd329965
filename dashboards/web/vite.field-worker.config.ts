// Builds the field page's service worker into dist/, behind the page, whose files it keeps.
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vite';
import { SHELL_FILE, workerConfig, type Shell } from './build/field-shell.ts';

export default defineConfig(() => workerConfig(JSON.parse(readFileSync(`dist/${SHELL_FILE}`, 'utf8')) as Shell));
