"""Variables about running all combinations of a configuration (`metarun`)."""

from __future__ import annotations

from functools import partial

from lenet.dialects.eblearn.variable import METARUN_TOOL, Variable

_row = partial(Variable, tools=METARUN_TOOL)

METARUN = (
    _row("meta_command", "text", "the program that each combination is run with", required=True),
    _row("meta_name", "text", "name of the experiment, after the time"),
    _row("meta_output_dir", "file", "directory of all experiments", "output"),
    _row("meta_max_jobs", "whole number", "runs at the same time", "(all)"),
    _row("meta_watch_interval", "whole number", "seconds between two looks at the runs", "30"),
    _row("meta_timeout", "number", "seconds without progress after which a run is started again", "3600"),
    _row("meta_no_conf_id", "switch", "no confNN in the names", "0"),
    _row("meta_resolve", "name", "what is resolved in the runs' configurations: all, backquotes or none"),
    _row("meta_copy", "file", "copied into the directory of each run"),
    _row("meta_copy_classes", "switch", "copy the files of class names, too", "0"),
    _row("meta_analyze", "switch", "read the logs for reports", "1"),
    _row("meta_minimize", "list of names", "the logged values whose smallest makes a run best"),
    _row("meta_nbest", "whole number", "best runs to report"),
    _row("meta_best_keycomb", "list of names", "report the best run for each combination of these"),
    _row("meta_plot_keys", "list of names", "draw curves of these"),
    _row(
        "meta_sticky_vars", "list of names", "values to keep for all epochs of a run", "meta_conf_variables"
    ),
    _row("meta_watch_vars", "list of names", "the only values to look at", "(all)"),
    _row("meta_ignore_iter0", "switch", "do not report the values before training", "0"),
    _row("meta_hierarchy", "list of names", "how values are grouped"),
    _row("meta_job_var", "name", "the logged value that tells runs apart", "job"),
    _row("meta_display_all", "switch", "report all runs, not only the best", "0"),
    _row("meta_email", "text", "where reports are sent to"),
    _row("meta_send_email", "switch", "send reports", "0"),
    _row("meta_email_iters", "whole numbers", "epochs after which a report is sent"),
    _row("meta_email_period", "whole number", "send a report every so many epochs"),
    _row("meta_send_best", "switch", "send the weights of the best runs", "0"),
    _row("meta_send_logs", "switch", "send the logs of all runs", "0"),
    _row(
        "meta_gnuplot_params",
        "text",
        "commands for the drawings",
        note="in quotes: each blank makes an alternative",
    ),
    _row("meta_gnuplot_terminal", "text", "form of the drawings"),
    _row("meta_gnuplot_font", "text", "font of the drawings"),
    _row("meta_gnuplot_line", "text", "lines of the drawings"),
    _row("meta_conf_shortname", "text", "confNN of a run", note="set by metarun"),
    _row("meta_conf_fullname", "text", "confNN of a run with its values", note="set by metarun"),
    _row("meta_conf_variables", "text", "the values of a run", note="set by metarun"),
)
