// Entry of the planner's page.
import { mount } from 'svelte';
import Planner from './planner/Planner.svelte';
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import './planner/planner.css';

const target = document.getElementById('app');
if (!target) throw new Error('history.html has no #app');
mount(Planner, { target });
