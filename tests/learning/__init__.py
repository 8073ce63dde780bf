"""Models: training and prediction beside independent libraries."""
