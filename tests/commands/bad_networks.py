"""Networks at which Caffe aborts: three inputs in lines 1 to 3, the wrong layer in line 4, what is said.

`x` is 2 x 3 x 8 x 8, `v` is 2 x 5, `label` is 2.
"""

INPUTS = """layer { name: "x" type: "Input" top: "x" input_param { shape { dim: [2, 3, 8, 8] } } }
layer { name: "v" type: "Input" top: "v" input_param { shape { dim: [2, 5] } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 2 } } }
"""


def network(type, bottoms, tops="y", settings="", after=""):
    """The inputs and one layer."""
    names = [f'bottom: "{name}"' for name in bottoms.split()] + [f'top: "{name}"' for name in tops.split()]
    return f'{INPUTS}layer {{ name: "l" type: "{type}" {" ".join(names)} {settings} }}\n{after}'


def shared(first="", bottom="x", second=""):
    """Two layers that share a weight, the first over 5 numbers."""
    sharing = 'param {{ name: "w" {} }} inner_product_param {{ num_output: 4 }}'
    other = f'layer {{ name: "m" type: "InnerProduct" bottom: "{bottom}" top: "z" {sharing.format(second)} }}'
    return network("InnerProduct", "v", settings=sharing.format(first), after=other)


CONVOLUTION = "convolution_param {{ num_output: 2 kernel_size: 3 {} }}".format
POOLING = "pooling_param {{ {} }}".format
COUNTS = "names {} output{}, the layer has {}".format

#: (a layer's type, its bottoms, its tops, its settings, what is said)
LAYERS = [
    # how many blobs a layer reads and writes
    ("Convolution", "", "y", CONVOLUTION(""), "takes one or more inputs, none given"),
    ("Convolution", "x", "", CONVOLUTION(""), COUNTS(0, "s", 1)),
    ("Convolution", "x v", "y", CONVOLUTION(""), "the inputs share their weights, so they need one shape"),
    ("Deconvolution", "x", "y z", CONVOLUTION(""), COUNTS(2, "s", 1)),
    ("Pooling", "x x", "y", POOLING("kernel_size: 2"), "takes 1 input, 2 given"),
    ("Pooling", "x", "y z w", POOLING("kernel_size: 2"), COUNTS(3, "s", 2)),
    ("Pooling", "x", "y z", POOLING("kernel_size: 2 pool: AVE"), "only a maximum has a place"),
    ("InnerProduct", "x v", "y", "inner_product_param { num_output: 2 }", "takes 1 input, 2 given"),
    ("ReLU", "", "y", "", "takes 1 input, 0 given"),
    ("ReLU", "x", "y z", "", COUNTS(2, "s", 1)),
    ("SoftmaxWithLoss", "v", "y", "", "takes 2 inputs, 1 given"),
    ("SoftmaxWithLoss", "v label label", "y", "", "takes 2 inputs, 3 given"),
    ("EuclideanLoss", "x", "y", "", "takes 2 inputs, 1 given"),
    ("HingeLoss", "v", "y", "", "takes 2 inputs, 1 given"),
    ("SigmoidCrossEntropyLoss", "v", "y", "", "takes 2 inputs, 1 given"),
    ("MultinomialLogisticLoss", "v", "y", "", "takes 2 inputs, 1 given"),
    ("InfogainLoss", "v label", "y", "", "takes 3 inputs, 2 given"),
    ("ContrastiveLoss", "v v", "y", "", "takes 3 inputs, 2 given"),
    ("Accuracy", "v", "y", "", "takes 2 inputs, 1 given"),
    ("Accuracy", "v label", "y z w", "", COUNTS(3, "s", 2)),
    ("Eltwise", "x", "y", "", "takes two or more inputs, 1 given"),
    ("Concat", "", "y", "", "takes one or more inputs, none given"),
    ("Crop", "x", "y", "", "takes 2 inputs, 1 given"),
    ("Silence", "x", "y", "", COUNTS(1, "", 0)),
    ("Silence", "", "", "", "takes one or more inputs, none given"),
    ("MVN", "v", "y", "", "2 x 5 is one number a channel, less its mean nothing is left"),
    ("Scale", "x x x", "y", "", "takes 1 or 2 inputs, 3 given"),
    ("LSTM", "x", "y", "recurrent_param { num_output: 3 }", "takes 2 or 3 inputs, 1 given"),
    ("LSTMUnit", "x", "y", "", "takes 3 inputs, 1 given"),
    ("BatchReindex", "x", "y", "", "takes 2 inputs, 1 given"),
    ("Filter", "x", "y", "", "takes two or more inputs, 1 given"),
    ("Filter", "x label", "y z", "", COUNTS(2, "s", 1)),
    ("Input", "x", "y", "input_param { shape { dim: 2 } }", "takes 0 inputs, 1 given"),
    ("Input", "", "y z w", "input_param { shape { dim: 2 } shape { dim: 3 } }", "2 shapes for 3 tops"),
    ("Input", "", "y", "", "shape is missing"),
    ("DummyData", "", "y z w", "dummy_data_param { shape {} shape {} }", "2 shapes for 3 tops"),
    ("DummyData", "", "y", "dummy_data_param { shape {} data_filler {} data_filler {} }", "2 data_fillers"),
    ("HDF5Output", "x v", "y", "hdf5_output_param { file_name: 'o.h5' }", COUNTS(1, "", 0)),
    ("HDF5Output", "x v", "", "", "file_name is missing"),
    # windows
    ("Convolution", "x", "y", CONVOLUTION("group: 2"), "3 channels and 2 outputs do not fall into 2 groups"),
    ("Convolution", "x", "y", "convolution_param { kernel_size: 3 }", "num_output is missing"),
    ("Convolution", "x", "y", "convolution_param { num_output: 2 }", "kernel_size is missing"),
    ("Convolution", "x", "y", CONVOLUTION("stride: 0"), "stride is 0, the least is 1"),
    ("Convolution", "x", "y", CONVOLUTION("dilation: 0"), "dilation is 0, the least is 1"),
    ("Convolution", "x", "y", CONVOLUTION("group: 0"), "group is 0, the least is 1"),
    ("Convolution", "x", "y", CONVOLUTION("pad: -1"), "pad is -1; it must not be negative"),
    ("Convolution", "x", "y", CONVOLUTION("kernel_h: 3"), "kernel_size and kernel_h are both given"),
    ("Convolution", "x", "y", "convolution_param { num_output: 2 kernel_h: 3 }", "kernel_h without kernel_w"),
    ("Convolution", "x", "y", CONVOLUTION("kernel_size: [3, 3]"), "window has 3 numbers"),
    ("Convolution", "x", "y", CONVOLUTION("dilation: 4"), "window 9 x 9 is larger than its input, 8 x 8"),
    ("Convolution", "v", "y", CONVOLUTION(""), "has 0 spatial axes after channel axis 1"),
    (
        "Convolution",
        "x",
        "y",
        CONVOLUTION("weight_filler { type: 'gausian' }"),
        "filler 'gausian' is unknown",
    ),
    ("InnerProduct", "x", "y", "inner_product_param { }", "num_output is missing"),
    ("InnerProduct", "x", "y", "inner_product_param { num_output: 2 axis: 5 }", "axis 5 is outside a shape"),
    (
        "InnerProduct",
        "x",
        "y",
        "inner_product_param { num_output: 2 weight_filler { type: 'bilinear' } }",
        "the bilinear filler needs square windows of 4 axes, not 2 x 192",
    ),
    ("Pooling", "x", "y", "", "kernel_size is missing"),
    ("Pooling", "x", "y", POOLING("kernel_size: 2 kernel_h: 2 kernel_w: 2"), "are both given"),
    ("Pooling", "x", "y", POOLING("kernel_h: 2"), "kernel_h without kernel_w"),
    ("Pooling", "x", "y", POOLING("global_pooling: true kernel_size: 2"), "are both given"),
    ("Pooling", "x", "y", POOLING("global_pooling: true stride: 2"), "takes neither stride nor padding"),
    ("Pooling", "x", "y", POOLING("kernel_size: 2 pad: 2"), "pad 2 x 2 must be smaller than the window"),
    ("Pooling", "x", "y", POOLING("kernel_size: 2 stride: 0"), "stride is 0, the least is 1"),
    ("Pooling", "x", "y", POOLING("kernel_size: 2 pool: MEDIAN"), "pool cannot be MEDIAN"),
    ("Pooling", "x", "y", POOLING("kernel_size: 20"), "window 20 x 20 is larger than its input"),
    ("Pooling", "v", "y", POOLING("kernel_size: 2"), "pools inputs of 4 axes"),
    ("Im2col", "x", "y", "", "kernel_size is missing"),
    ("SPP", "x", "y", "spp_param { pyramid_height: 8 }", "8 levels divide 8 x 8 into more parts"),
    ("LRN", "x", "y", "lrn_param { local_size: 4 }", "local_size 4 is even, it must be odd"),
    ("LRN", "v", "y", "", "takes inputs of 4 axes"),
    # numbers
    ("Dropout", "x", "y", "dropout_param { dropout_ratio: 1 }", "it must be at least 0 and below 1"),
    ("Power", "x", "y", "power_param { power: 'two' }", "power takes a number, not 'two'"),
    ("Exp", "x", "y", "exp_param { base: 0 }", "base is 0, it must be above 0"),
    ("Exp", "x", "y", "exp_param { base: -2 }", "base is -2, it must be above 0"),
    ("Log", "x", "y", "log_param { base: 1 }", "there is no logarithm with base 1"),
    ("Log", "x", "y", "log_param { base: -3 }", "base is -3, it must be above 0"),
    ("BatchNorm", "x", "y", "param { lr_mult: 1 }", "parameter 0 is not learned"),
    ("Scale", "x v", "y", "scale_param { axis: 0 }", "input 1 is 2 x 5, from axis 0 on input 0 is"),
    ("Scale", "x", "y", "scale_param { num_axes: 9 }", "9 axes from axis 1 on are more than"),
    ("Bias", "x v", "y", "", "input 1 is 2 x 5, from axis 1 on input 0 is 3 x 8 x 8"),
    ("PReLU", "label", "y", "", "needs a batch axis and channels"),
    ("Embed", "v", "y", "embed_param { num_output: 2 }", "input_dim is missing"),
    ("LSTM", "v label", "y", "recurrent_param { num_output: 3 }", "takes a sequence (T, N, ...)"),
    ("LSTM", "x v", "y", "", "num_output is missing"),
    # answers
    ("Softmax", "v", "y", "softmax_param { axis: 2 }", "axis 2 is outside a shape of 2 axes"),
    ("SoftmaxWithLoss", "x label", "y", "", "2 labels (2) for 128 answers"),
    ("SoftmaxWithLoss", "v x", "y", "", "384 labels (2 x 3 x 8 x 8) for 2 answers"),
    ("EuclideanLoss", "x v", "y", "", "the inputs need one shape"),
    ("HingeLoss", "v label", "y", "hinge_loss_param { norm: L3 }", "norm cannot be L3"),
    ("SigmoidCrossEntropyLoss", "x v", "y", "", "2 x 5 targets do not fit 2 x 3 x 8 x 8 scores"),
    ("InfogainLoss", "v label", "y", "infogain_loss_param { source: 'no.h' }", "no such file or directory"),
    ("InfogainLoss", "v label x", "y", "", "the matrix is 2 x 3 x 8 x 8, there are 5 classes"),
    ("ContrastiveLoss", "v x label", "y", "", "compares vectors of one size"),
    ("ContrastiveLoss", "v v v", "y", "", "2 x 5 are not one number for each of 2 pairs"),
    ("Accuracy", "v label", "y", "accuracy_param { top_k: 6 }", "top_k is 6, there are 5 classes"),
    ("ArgMax", "v", "y", "argmax_param { top_k: 60 axis: 1 }", "top_k is 60, there are 5 numbers"),
    # arrangement
    ("Eltwise", "x v", "y", "", "input 1 is 2 x 5, input 0 is 2 x 3 x 8 x 8"),
    ("Eltwise", "x x", "y", "eltwise_param { coeff: 1 }", "has 1 coefficients for 2 inputs"),
    ("Eltwise", "x x", "y", "eltwise_param { operation: PROD coeff: [1, 1] }", "takes no coefficients"),
    ("Concat", "x v", "y", "", "only axis 1 may differ"),
    ("Concat", "x x", "y", "concat_param { axis: 1 concat_dim: 1 }", "axis and concat_dim are both given"),
    ("Slice", "x", "y z", "", "axis 1 of size 3 does not fall into 2 equal parts"),
    ("Slice", "x", "y z", "slice_param { slice_point: 3 }", "do not rise between 0 and 3"),
    ("Slice", "x", "y z", "slice_param { slice_point: [1, 2] }", "2 places to cut give 3 pieces, not 2"),
    ("Slice", "x", "y y", "slice_param { slice_point: 1 }", "blob 'y' is made by layer 'l' already"),
    ("Crop", "x v", "y", "", "it needs 4 axes as input 0"),
    ("Crop", "x x", "y", "crop_param { axis: 2 offset: 1 }", "1 + 8 along axis 2 is more than there is"),
    ("Crop", "x x", "y", "crop_param { axis: 2 offset: [1, 2, 3] }", "3 offsets for 2 axes"),
    ("Flatten", "x", "y", "flatten_param { axis: 3 end_axis: 1 }", "comes after the last one"),
    ("Reshape", "x", "y", "reshape_param { shape { dim: [2, 5] } }", "is 384 numbers, 2 x 5 would be 10"),
    ("Reshape", "x", "y", "reshape_param { shape { dim: [-1, -1] } }", "-1 may stand once"),
    ("Reshape", "v", "y", "reshape_param { shape { dim: [0, 0, 0] } }", "size 0 means that of the input's"),
    ("Reduction", "x", "y", "reduction_param { axis: 9 }", "axis 9 is outside a shape of 4 axes"),
    ("Tile", "x", "y", "", "tiles is missing"),
    ("BatchReindex", "x v", "y", "", "takes rows and a list of their numbers"),
    ("Filter", "x v", "y", "", "needs as many rows in each input"),
    # where data come from
    ("Input", "", "y", "input_param { shape { dim: [-1, 3] } }", "a shape has the size -1"),
    ("HDF5Data", "", "y", "hdf5_data_param { source: 'no.txt' batch_size: 2 }", "no such file or directory"),
    ("ImageData", "", "y z", "image_data_param { source: 'no.txt' }", "no such file or directory"),
    ("ImageData", "", "y z", "image_data_param { source: 'l' new_height: 8 }", "new_height is given alone"),
    ("Data", "", "y z", "data_param { source: 'no' batch_size: 2 }", "no such file or directory"),
    ("Data", "", "y z", "data_param { source: 'no' batch_size: 0 }", "batch_size is 0, the least is 1"),
    ("Data", "", "y z", "data_param { batch_size: 2 }", "source is missing"),
    (
        "Data",
        "",
        "y",
        "data_param { source: 'no' batch_size: 2 } transform_param { mean_file: 'm' mean_value: 3 }",
        "mean_file and mean_value are both given",
    ),
    # any layer
    ("Nope", "x", "y", "", "type 'Nope' is unknown, so it cannot run"),
    ("ReLU", "missing", "y", "", "unknown input blob 'missing'"),
    ("ReLU", "v", "x", "", "blob 'x' is made by layer 'x' already"),
    (
        "ReLU",
        "x",
        "y",
        "include { phase: TRAIN } exclude { phase: TEST }",
        "include and exclude are both given",
    ),
    ("ReLU", "x", "y", "include { phase: TESTING }", "phase cannot be TESTING"),
    ("ReLU", "x", "y", "propagate_down: [true, true]", "2 propagate_down for 1 bottoms"),
    ("ReLU", "x", "y", "loss_weight: [1, 2]", "2 loss_weight for 1 tops"),
    ("Accuracy", "v label", "y", "loss_weight: 1", "has no gradient, so it is no loss to train by"),
]

#: (what is wrong, the whole network, the line where, what is said)
NETWORKS = [
    ("shapes of a shared parameter", shared(), 5, "shares a parameter of 4 x 192 with layer 'l'"),
    ("counts of one", shared(second="share_mode: PERMISSIVE"), 5, "where it is 4 x 5"),
    ("its rates", shared("lr_mult: 1", "v", "lr_mult: 2"), 5, "learning-rate multipliers differ: 1, 2"),
    ("its decays", shared("decay_mult: 1", "v", "decay_mult: 2"), 5, "weight-decay multipliers differ: 1, 2"),
    (
        "a circle",
        INPUTS + 'layer { name: "a" type: "ReLU" bottom: "q" top: "p" }\n'
        'layer { name: "b" type: "ReLU" bottom: "p" top: "q" }',
        4,
        "unknown input blob 'q'",
    ),
    ("no type", INPUTS + 'layer { name: "l" bottom: "x" top: "y" }', 4, "type is missing"),
    ("no end", INPUTS + 'layer { name: "l" type: "ReLU" bottom: "x" ', 4, "opened and never closed"),
    ("no layers", "", 0, "holds no layers, so it is not a network"),
]
