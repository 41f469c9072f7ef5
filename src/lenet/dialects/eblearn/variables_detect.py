"""Variables about detection: input, scales, boxes and files."""

from __future__ import annotations

from functools import partial

from lenet.dialects.eblearn.variable import DETECT, Variable

_row = partial(Variable, tools=DETECT)

_INPUT = (
    _row("root2", "file", "directory of the trained files", "(the configuration's)", note="set if missing"),
    _row("classes", "file", "matrix with the names of the classes", required=True),
    _row("weights", "list of files", "weights, put together in this order", "(random ones, with a warning)"),
    _row("weights_blocks", "whole numbers", "sizes of the blocks that weights_permutation moves"),
    _row("weights_permutation", "whole numbers", "order of the blocks of weights"),
    _row("camera", "name", "directory, opencv, v4l2, mac, mcams, kinect, shmem, video or datasource", "v4l2"),
    _row("device", "file", "the camera, with v4l2, mac and mcams"),
    _row("camera_grayscale", "switch", "make the input grey", "0"),
    _row("camera_rgb", "switch", "ask the camera for colours", "0"),
    _row("precamera", "switch", "take the images of precamdir before those of the camera", "0"),
    _row("precamdir", "file", "a directory of images"),
    _row("input_dir", "file", "directory of images, searched with those below it"),
    _row("input_list", "list of files", "images in input_dir", "(all that file_pattern fits)"),
    _row("file_pattern", "text", "regular expression for names", "(png jpg jpeg bmp ppm pnm pgm gif mat)"),
    _row("input_random", "switch", "take the images in random order", "0"),
    _row("input_npasses", "whole number", "times to take all images", "1"),
    _row("skip_frames", "whole number", "images to pass over at the start", "0"),
    _row(
        "input_height", "whole number", "height of a camera's image; -1: as it is", "-1", note="not for files"
    ),
    _row(
        "input_width", "whole number", "width of a camera's image; -1: as it is", "-1", note="not for files"
    ),
    _row("input_crop", "sizes", "part of a camera's image to take"),
    _row("input_gain", "number", "every value of an image is multiplied by it", "1"),
    _row("input_video_sstep", "number", "seconds between the images taken of a video", "0"),
    _row("input_video_max_duration", "number", "seconds of a video to take; 0: all", "0"),
    _row("nthreads", "whole number", "threads, each with a network of its own", "1"),
)

_SCALES = (
    _row(
        "scaling_type",
        "whole number",
        "0: the sizes in scales; 3: from max_scale down by scaling; 4: as the image is; 5: the network's "
        "own size; 6: from the smallest size up by scaling",
        "3",
        note="1 and 2 stop EBLearn; without a resizepp module every scale is the image as it is",
    ),
    _row("scales", "list of sizes", "sizes with channels, such as 3x100x100, with scaling_type 0"),
    _row("scaling", "number", "ratio of one scale to the next", "1.4"),
    _row("max_scale", "number", "largest scale, relative to the image", "2"),
    _row("min_scale", "number", "smallest scale, relative to the network's input", "1"),
    _row("input_max", "whole number", "scales that are higher or wider are left out", "(none)"),
    _row("input_min", "whole number", "least size of a scale", effect=False, note="only printed"),
    _row("netdims", "sizes", "input size that gives one output", "(computed)"),
    _row(
        "hzpad", "number", "rows of zeros above and below each scale, in heights of the network's input", "0"
    ),
    _row("wzpad", "number", "columns of zeros at both sides of each scale, in widths of its input", "0"),
    _row("scaling_remove_pad", "switch", "take the padding off the sizes of the scales", "0"),
    _row("scaler_mode", "switch", "outputs tell the scale of an object, too", "0"),
    _row(
        "mem_optimization", "switch", "share memory between modules", "1", effect=False, note="a warning only"
    ),
)

_BOXES = (
    _row("background_name", "name", "a class that is no object", "(none)"),
    _row("pre_threshold", "number", "least confidence of a candidate", "0"),
    _row("post_threshold", "number", "least confidence of a box in the end", "0"),
    _row("raw_thresholds", "numbers", "least output of a candidate, for each class"),
    _row("outputs_threshold", "number", "outputs below it are replaced"),
    _row("outputs_threshold_val", "number", "what they are replaced by", "-1"),
    _row("smoothing", "whole number", "smooth output maps: 1 with a 3 x 3 kernel, 2 with a Mexican hat", "0"),
    _row("smoothing_kernel", "sizes", "size of the Mexican hat", "9x9"),
    _row("smoothing_sigma", "number", "width of the Mexican hat", "1"),
    _row("smoothing_sigma_scale", "number", "factor of its width", "1"),
    _row("corners_inference", "whole number", "1: save the geometry of the outputs; 2: load it", "0"),
    _row("bbox_decision", "whole number", "1, 2: only the outputs at the corners", "0"),
    _row("bbox_scalings", "list of factors", "boxes of each class are scaled by height x width"),
    _row("bbox_ignore_outsiders", "switch", "drop boxes that reach out of the image", "0"),
    _row("bbox_file", "file", "take boxes from this bbox.txt, only suppress"),
    _row("nms", "whole number", "suppression: 0 none; 1 overlap; 2 voting; 3 voting, then overlap", "0"),
    _row("pre_hfact", "number", "boxes are made so much higher before suppression", "1"),
    _row("pre_wfact", "number", "boxes are made so much wider before suppression", "1"),
    _row("post_hfact", "number", "boxes are made so much higher after suppression", "1"),
    _row("post_wfact", "number", "boxes are made so much wider after suppression", "1"),
    _row("woverh", "number", "width of boxes for height 1; 1: as it is", "1"),
    _row("max_overlap", "number", "boxes that share 1 - max_overlap of their union, or more, suppress", "0"),
    _row("max_hcenter_dist", "number", "so do those whose centres are vertically nearer, in heights", "0"),
    _row("max_wcenter_dist", "number", "and horizontally nearer, in widths", "0"),
    _row("vote_max_overlap", "number", "like max_overlap, for boxes to be merged", "0"),
    _row("vote_max_hcenter_dist", "number", "like max_hcenter_dist, for boxes to be merged", "0"),
    _row("vote_max_wcenter_dist", "number", "like max_wcenter_dist, for boxes to be merged", "0"),
)

_FILES = (
    _row("output_dir", "file", "directory of the results", "(current_dir)"),
    _row(
        "detections_dir",
        "text",
        "name of the directory in it",
        "/detections",
        note="with the time if nms is on",
    ),
    _row(
        "bbox_saving",
        "whole number",
        "0: none; 1: EBLearn's and Caltech's; 2: EBLearn's; 3: Caltech's; 4: classes",
        "0",
    ),
    _row("save_bbox_period", "whole number", "save boxes every so many images, and at the end", "500"),
    _row("save_detections", "switch", "save found windows as matrices", "0"),
    _row("save_max", "whole number", "stop after so many saved windows"),
    _row("save_max_per_frame", "whole number", "windows to save of one image; 0: all", "0"),
    _row("save_diverse", "switch", "do not save windows that resemble each other", "0"),
    _row("save_video", "switch", "save what is shown", "0"),
    _row("save_video_fps", "number", "images a second in the video"),
    _row("use_original_fps", "switch", "as many as the video that is read", "0"),
    _row(
        "dump_outputs",
        "switch",
        "save the output maps",
        "0",
        note="scales of equal size overwrite each other",
    ),
    _row("save_progress", "switch", "write the files progress and finished", "1"),
    _row("evaluate", "switch", "run evaluate_cmd at the end", "0"),
    _row("evaluate_cmd", "text", "a command, run in the directory of the results"),
)

_BOOTSTRAPPING = (
    _row("bootstrapping", "switch", "collect windows that were answered wrongly", "0"),
    _row("bootstrapping_save", "switch", "save them as a data set", "0", note="here they are saved unless 0"),
    _row("bootstrapping_max", "whole number", "so many at most"),
    _row("gt_path", "file", "directory of the true boxes, in PASCAL's XML"),
    _row("gt_name", "text", "part of the name of the data set"),
    _row("gt_extract_pos", "switch", "collect true objects", "0"),
    _row("gt_extract_neg", "switch", "collect false ones", "0"),
    _row("gt_neg_threshold", "number", "least confidence of a false one", ".0001"),
    _row("gt_neg_max", "whole number", "false ones of an image at most", "5"),
    _row("gt_neg_matching", "number", "a false one shares less than this with every true box", ".5"),
    _row("gt_negneg_matching", "number", "and less than this with each other", ".5"),
    _row("gt_neg_gt_only", "switch", "false ones only of images with true boxes", "0"),
    _row("gt_pos_matching", "number", "a true one shares more than this with a true box", ".5"),
    _row("gt_min_context", "number", "least part of a window that lies within the image", "1"),
    _row("gt_mirror_pos", "switch", "add mirrored true ones", "0"),
    _row("gt_scales", "numbers", "collect true ones at these scales, too"),
    _row("gt_included", "list of names", "only these classes"),
    _row("gt_mindims", "sizes", "least size of a true box"),
    _row("gt_minborders", "sizes", "least distance of a true box from the border"),
    _row("gt_minvisibility", "number", "least visible part of an object"),
    _row("gt_min_aspect_ratio", "number", "least ratio of width to height"),
    _row("gt_max_aspect_ratio", "number", "largest ratio of width to height"),
)

DETECTION = _INPUT + _SCALES + _BOXES + _FILES + _BOOTSTRAPPING
